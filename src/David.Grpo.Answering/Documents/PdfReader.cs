using System.Text;
using David.Grpo.Tokenization;
using UglyToad.PdfPig;
using UglyToad.PdfPig.Core;
using UglyToad.PdfPig.DocumentLayoutAnalysis.TextExtractor;
using UglyToad.PdfPig.Exceptions;

namespace David.Grpo.Documents;

/// <summary>PDF: a section a page. Scanned pages have no text; a file of nothing else is skipped.</summary>
internal sealed class PdfReader : IDocumentReader
{
    private static readonly (string, string)[] Ligatures =
    [
        ("\uFB00", "ff"),
        ("\uFB01", "fi"),
        ("\uFB02", "fl"),
        ("\uFB03", "ffi"),
        ("\uFB04", "ffl"),
        ("\u00AD", ""),
    ];

    public string[] Extensions => [".pdf"];

    public ReadDocument Read(string name, byte[] content, CancellationToken cancellationToken)
    {
        try
        {
            using PdfDocument pdf = PdfDocument.Open(content, new ParsingOptions { UseLenientParsing = true });
            List<DocumentSection> sections = [];
            int empty = 0;
            for (int number = 1; number <= pdf.NumberOfPages; number++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                string text = Clean(ContentOrderTextExtractor.GetText(pdf.GetPage(number), addDoubleNewline: true));
                if (string.IsNullOrWhiteSpace(text))
                    empty++;
                else
                    sections.Add(new DocumentSection([$"page {number}"], text));
            }
            if (sections.Count == 0)
                throw new DocumentException("no page has text; a scan needs character recognition first");
            string? title = pdf.Information.Title?.Trim();
            return new ReadDocument(
                title is { Length: > 2 } ? title : name,
                [.. sections],
                empty > 0 ? [new DroppedText($"{empty} {(empty == 1 ? "page" : "pages")} without text", 0)] : []
            );
        }
        catch (PdfDocumentEncryptedException e)
        {
            throw new DocumentException("it is encrypted; take the password off", e);
        }
        catch (Exception e) when (e is not (DocumentException or OperationCanceledException or OutOfMemoryException))
        {
            // The library meets damage with many kinds of exceptions.
            throw new DocumentException($"it is damaged, or no PDF ({e.Message.TrimEnd('.')})", e);
        }
    }

    /// <summary>Words that a line's end hyphenates are joined.</summary>
    private static string Clean(string text)
    {
        StringBuilder clean = new();
        string[] lines = text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n').Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].TrimEnd();
            bool isBroken =
                line.Length > 1
                && line[^1] == '-'
                && char.IsLetter(line[^2])
                && i + 1 < lines.Length
                && lines[i + 1].TrimStart() is [var first, ..]
                && char.IsLower(first);
            if (isBroken)
                clean.Append(line, 0, line.Length - 1);
            else
                clean.Append(line).Append('\n');
        }
        foreach ((string ligature, string letters) in Ligatures)
            clean.Replace(ligature, letters);
        return CanonicalComposition.Compose(clean.ToString());
    }
}
