using System.Text.Json;

namespace David.Grpo.Search;

/// <summary>A question of a data set.</summary>
/// <param name="Question">What training and evaluation know of it.</param>
/// <param name="ExpertResponse">An expert's whole response (<c>gold_response</c>), or null where there is none.</param>
/// <param name="Split">The part of the data set that the record names (<c>split</c>), such as train, or null.</param>
public sealed record QuestionRecord(Question Question, string? ExpertResponse, string? Split = null);

/// <summary>Reads question sets, each record in the format that its fields show.</summary>
/// <remarks>
/// Formats:
/// ours (<c>id, question, answers</c>, with <c>gold, gold_titles, type, hops, gold_response</c> if known);
/// HotpotQA and 2WikiMultiHopQA (<c>_id</c> or <c>id, question, answer, type, supporting_facts</c>: [[title, sentence], …], or
/// {title: […]} as on Hugging Face);
/// MuSiQue (<c>id, question, answer, answer_aliases, paragraphs, question_decomposition</c>);
/// Search-R1 and FlashRAG (<c>question, golden_answers</c>, with <c>id, metadata</c> if known);
/// verl, and so the authors' David-GRPO (<c>prompt</c>: [{content, role}, …], <c>reward_model.ground_truth</c>: an answer, answers
/// or {target: answers}, with <c>id</c> or <c>_id, question, supporting_facts, gold_response, extra_info.split</c> if known; without
/// <c>question</c> it is what the user's last message says after its last "Question:");
/// Bamboogle (<c>Question, Answer</c>).
/// Only ours knows the ids of gold passages; the others name their titles, in the order of their first mention.
/// </remarks>
public static class QuestionSet
{
    /// <summary>The questions of a file, in its order.</summary>
    /// <param name="path">JSON Lines or one JSON array, gzipped or not, or Parquet; which, is seen from the content.</param>
    /// <param name="progress">Told about every thousandth question, and about the end.</param>
    /// <param name="cancellationToken">Ends the reading with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">
    /// A record is no JSON, lacks a field or repeats an id, or the file is cut off or has no question; the text names
    /// file, line (item of the array, row group and row) and field.
    /// </exception>
    public static QuestionRecord[] Read(
        string path,
        IProgress<ReadProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        List<QuestionRecord> questions = [];
        HashSet<string> ids = [];
        foreach (JsonRecord record in JsonRecords.Read(path, progress, cancellationToken))
        {
            JsonRecord split = record.Has("split") ? record : record.Object("extra_info") ?? record;
            QuestionRecord question = Parse(record, questions.Count) with
            {
                Split = split.Has("split") ? split.Text("split") : null,
            };
            if (!ids.Add(question.Question.Id))
                throw record.Invalid(
                    "id",
                    $"\"{question.Question.Id}\", as of an earlier question",
                    "an id of its own for each question"
                );
            questions.Add(question);
        }
        return questions.Count > 0
            ? [.. questions]
            : throw new InvalidDataException($"{path} holds no question; expected JSON objects.");
    }

    private static QuestionRecord Parse(JsonRecord record, int number) =>
        record.Has("answers") ? Ours(record)
        : record.Has("golden_answers") ? SearchR1(record, number)
        : record.Has("reward_model") ? Verl(record, number)
        : record.Has("_id") || record.Has("supporting_facts") ? HotpotQa(record)
        : record.Has("paragraphs") ? Musique(record)
        : record.Has("Question") ? Bamboogle(record, number)
        : throw record.Missing(
            "answers",
            "the accepted answers (or HotpotQA's _id, MuSiQue's paragraphs, Search-R1's golden_answers, "
                + "verl's reward_model, Bamboogle's Question)"
        );

    private static QuestionRecord Ours(JsonRecord record) =>
        new(
            new Question(
                record.Id("id"),
                record.Text("question"),
                Answers(record, "answers"),
                [.. record.Texts("gold").Select(id => new PassageId(id))],
                record.Texts("gold_titles"),
                record.Text("type", "unknown"),
                record.Count("hops", 0)
            ),
            record.Has("gold_response") ? record.Text("gold_response") : null
        );

    /// <summary>Two hops, but for 2WikiMultiHopQA's bridge_comparison, which asks for four.</summary>
    private static QuestionRecord HotpotQa(JsonRecord record)
    {
        string kind = record.Text("type", "unknown");
        return Known(
            record.Has("_id") ? record.Id("_id") : record.Id("id"),
            record.Text("question"),
            [record.Text("answer")],
            SupportingTitles(record),
            kind,
            kind == "bridge_comparison" ? 4 : 2
        );
    }

    private static IEnumerable<string> SupportingTitles(JsonRecord record)
    {
        string Title(JsonElement fact) =>
            fact.ValueKind == JsonValueKind.Array
            && fact.GetArrayLength() > 0
            && fact[0].ValueKind == JsonValueKind.String
                ? fact[0].GetString()!
                : throw record.Invalid("supporting_facts", JsonRecord.Short(fact), "items [title, sentence]");

        return record.Object("supporting_facts") is { } columns
            ? columns.Texts("title")
            : record.Items("supporting_facts").Select(Title);
    }

    private static QuestionRecord Musique(JsonRecord record)
    {
        string id = record.Id("id");
        Dictionary<int, string> titles = [];
        foreach (JsonRecord paragraph in record.Objects("paragraphs"))
            titles[paragraph.Count("idx", titles.Count)] = paragraph.Text("title");
        string[] steps =
        [
            .. record
                .Objects("question_decomposition")
                .Select(step =>
                    titles.GetValueOrDefault(step.Count("paragraph_support_idx", -1))
                    ?? throw step.Invalid("paragraph_support_idx", "of no paragraph", "the idx of a paragraph")
                ),
        ];
        return Known(
            id,
            record.Text("question"),
            [record.Text("answer"), .. record.Texts("answer_aliases")],
            steps,
            id.Split("__")[0],
            steps.Length
        );
    }

    private static QuestionRecord SearchR1(JsonRecord record, int number)
    {
        JsonRecord? metadata = record.Object("metadata");
        return Known(
            record.Has("id") ? record.Id("id") : $"{number}",
            record.Text("question"),
            Answers(record, "golden_answers"),
            metadata is { } known ? SupportingTitles(known) : [],
            metadata?.Text("type", "unknown") ?? "unknown",
            0
        );
    }

    private static QuestionRecord Verl(JsonRecord record, int number)
    {
        JsonRecord reward = record.Object("reward_model") ?? throw record.Missing("reward_model", "an object");
        string[] answers = reward.Object("ground_truth") is { } truth
            ? Answers(truth, "target")
            : Answers(reward, "ground_truth");
        QuestionRecord read = Known(
            record.Has("_id") ? record.Id("_id")
                : record.Has("id") ? record.Id("id")
                : $"{number}",
            record.Has("question") ? record.Text("question") : Asked(record),
            answers,
            SupportingTitles(record),
            record.Text("type", "unknown"),
            0
        );
        return read with { ExpertResponse = record.Has("gold_response") ? record.Text("gold_response") : null };
    }

    private static string Asked(JsonRecord record)
    {
        JsonRecord[] said = [.. record.Objects("prompt").Where(message => message.Text("role") == "user")];
        if (said.Length == 0)
            throw record.Missing(
                "prompt",
                "messages {content, role}, one of them the user's (or a field \"question\")"
            );
        const string Lead = "Question:";
        string words = said[^1].Text("content");
        int lead = words.LastIndexOf(Lead, StringComparison.Ordinal);
        return (lead < 0 ? words : words[(lead + Lead.Length)..]).Trim();
    }

    private static QuestionRecord Bamboogle(JsonRecord record, int number) =>
        Known($"bamboogle:{number}", record.Text("Question"), [record.Text("Answer")], [], "compositional", 2);

    private static QuestionRecord Known(
        string id,
        string text,
        string[] answers,
        IEnumerable<string> goldTitles,
        string kind,
        int hops
    ) => new(new Question(id, text, [.. answers.Distinct()], [], [.. goldTitles.Distinct()], kind, hops), null);

    /// <summary>An array of them, or one string.</summary>
    private static string[] Answers(JsonRecord record, string field) =>
        record.TextOrTexts(field) is { Length: > 0 } answers
            ? answers
            : throw record.Invalid(field, "empty", "at least one accepted answer");
}
