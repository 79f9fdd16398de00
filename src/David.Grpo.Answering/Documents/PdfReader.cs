using UglyToad.PdfPig;
using UglyToad.PdfPig.Core;
using UglyToad.PdfPig.DocumentLayoutAnalysis.TextExtractor;
using UglyToad.PdfPig.Exceptions;

namespace David.Grpo.Documents;

/// <summary>PDF: a section a page. Scanned pages have no text; a file of nothing else is skipped.</summary>
/// <remarks>
/// Text comes in the order in which the file draws it: columns that were written one after the other are read right, those that
/// were written line by line across the page are not taken apart.
/// </remarks>
internal sealed class PdfReader : IDocumentReader
{
    public string[] Extensions => [".pdf"];

    public ReadDocument Read(string name, byte[] content, CancellationToken cancellationToken)
    {
        try
        {
            using PdfDocument pdf = PdfDocument.Open(content, new ParsingOptions { UseLenientParsing = true });
            List<string> pages = [];
            for (int number = 1; number <= pdf.NumberOfPages; number++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                pages.Add(ContentOrderTextExtractor.GetText(pdf.GetPage(number), addDoubleNewline: true));
            }
            string[] texts = PdfLines.Joined(pages);
            DocumentSection[] sections =
            [
                .. texts
                    .Index()
                    .Where(page => !string.IsNullOrWhiteSpace(page.Item))
                    .Select(page => new DocumentSection([$"page {page.Index + 1}"], page.Item)),
            ];
            if (sections.Length == 0)
                throw new DocumentException("no page has text; a scan needs character recognition first");
            int empty = texts.Length - sections.Length;
            string? title = pdf.Information.Title?.Trim();
            return new ReadDocument(
                title is { Length: > 2 } ? title : name,
                sections,
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
}
