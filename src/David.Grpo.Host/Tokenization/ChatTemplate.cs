using System.Text.Json.Nodes;
using David.Grpo.Tokenization.Jinja;

namespace David.Grpo.Tokenization;

/// <summary>One message of a conversation.</summary>
/// <param name="Role">Who speaks: <c>system</c>, <c>user</c>, <c>assistant</c>, <c>tool</c>, or what else the template knows.</param>
/// <param name="Content">What is said.</param>
public sealed record ChatMessage(string Role, string Content);

/// <summary>
/// A model's chat template: messages to the text that the model was trained to read. Templates are written in Jinja; this is
/// an interpreter of the part of it that they use, with the settings of <c>transformers</c> (<c>trim_blocks</c>,
/// <c>lstrip_blocks</c>, <c>tojson</c> without ASCII escapes). It reads no clock: <c>strftime_now</c> is undefined until a
/// variable of that name says which time it tells, so that the same conversation always gives the same text. Immutable,
/// safe for use from several threads.
/// </summary>
/// <remarks>
/// Render a conversation once, for its first prompt, and append tokens after that: a history rendered again can differ
/// from what the model saw (Qwen 3 drops the thinking of earlier turns).
/// </remarks>
public sealed class ChatTemplate
{
    private readonly Template template;
    private readonly JsonObject specialTokens;

    /// <param name="jinja">The template's text.</param>
    /// <exception cref="ChatTemplateException">The text is no Jinja, or uses what is not supported; the message names the line.</exception>
    public ChatTemplate(string jinja)
        : this(jinja, []) { }

    private ChatTemplate(string jinja, JsonObject specialTokens)
    {
        ArgumentNullException.ThrowIfNull(jinja);
        template = Parser.Parse(jinja);
        this.specialTokens = specialTokens;
    }

    /// <summary>The template of a tokenizer's files, with its <c>bos_token</c>, <c>eos_token</c> and <c>pad_token</c>.</summary>
    /// <exception cref="ChatTemplateException">The files hold no template, or one that is not supported.</exception>
    public static ChatTemplate Of(Tokenizer tokenizer)
    {
        string jinja =
            tokenizer.ChatTemplate
            ?? throw new ChatTemplateException(
                "The tokenizer's files hold no chat template (chat_template in tokenizer_config.json, chat_template.jinja, or "
                    + "tokenizer.chat_template in GGUF). Give one to new ChatTemplate(...)."
            );
        JsonObject specialTokens = [];
        foreach (
            (string name, string? token) in new[]
            {
                ("bos_token", tokenizer.BeginOfSequenceToken),
                ("eos_token", tokenizer.EndOfSequenceToken),
                ("pad_token", tokenizer.PaddingToken),
            }
        )
            if (token is not null)
                specialTokens.Add(name, token);
        return new ChatTemplate(jinja, specialTokens);
    }

    /// <summary>The text of a conversation of plain messages.</summary>
    /// <inheritdoc cref="Render(JsonArray, bool, JsonArray?, JsonObject?)"/>
    public string Render(
        IReadOnlyList<ChatMessage> messages,
        bool addGenerationPrompt = false,
        JsonArray? tools = null,
        JsonObject? variables = null
    )
    {
        JsonArray list = [];
        foreach (ChatMessage message in messages)
            list.Add(new JsonObject { ["role"] = message.Role, ["content"] = message.Content });
        return Render(list, addGenerationPrompt, tools, variables);
    }

    /// <summary>The text of a conversation.</summary>
    /// <param name="messages">Objects with <c>role</c>, <c>content</c>, and what else the template reads (<c>tool_calls</c> …).</param>
    /// <param name="addGenerationPrompt">Whether the head of the model's turn stands at the end.</param>
    /// <param name="tools">Descriptions of functions the model may call; null for none.</param>
    /// <param name="variables">
    /// More variables (<c>enable_thinking</c>, <c>date_string</c>, <c>bos_token</c> …); they go before all others.
    /// <c>strftime_now</c> is a day or a time of ISO 8601 (<c>2026-11-29</c>), which the function of that name then writes as
    /// the template asks.
    /// </param>
    /// <exception cref="ChatTemplateException">The template refuses the messages or cannot be carried out on them.</exception>
    public string Render(
        JsonArray messages,
        bool addGenerationPrompt = false,
        JsonArray? tools = null,
        JsonObject? variables = null
    )
    {
        Dictionary<string, object?> globals = [];
        foreach ((string name, JsonNode? value) in specialTokens)
            globals[name] = Value.FromJson(value);
        globals["messages"] = Value.FromJson(messages);
        globals["tools"] = Value.FromJson(tools);
        globals["documents"] = null;
        globals["add_generation_prompt"] = addGenerationPrompt;
        foreach ((string name, JsonNode? value) in variables ?? [])
            globals[name] =
                name == "strftime_now" && value is JsonValue time && time.TryGetValue(out string? now)
                    ? DateText.Now(now)
                    : Value.FromJson(value);
        return new Interpreter(globals).Render(template);
    }
}
