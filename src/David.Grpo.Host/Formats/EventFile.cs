using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace David.Grpo.Formats;

/// <summary>A value of a TensorBoard event.</summary>
/// <param name="Tag">Its name; what stands before the first slash is the group that TensorBoard shows it in.</param>
/// <param name="Description">What TensorBoard says about it, as Markdown; may be empty.</param>
public abstract record EventValue(string Tag, string Description)
{
    /// <summary>A number; written in single precision, as TensorBoard's format has it.</summary>
    /// <param name="Number">The value.</param>
    public sealed record Scalar(string Tag, string Description, double Number) : EventValue(Tag, Description);

    /// <summary>How a sample is distributed.</summary>
    /// <param name="Histogram">The sample's counts by bucket.</param>
    public sealed record Distribution(string Tag, string Description, Histogram Histogram)
        : EventValue(Tag, Description);

    /// <summary>A text as Markdown.</summary>
    /// <param name="Markdown">The text.</param>
    public sealed record Text(string Tag, string Description, string Markdown) : EventValue(Tag, Description);
}

/// <summary>
/// Writes a TensorBoard event file: TFRecord framing (u64 length, masked CRC-32C of it, bytes, masked CRC-32C of them) around
/// <c>tensorflow.Event</c> messages. Scalars and histograms are written in the form that every reader knows
/// (<c>simple_value</c>, <c>histo</c>), texts as string tensors of the text plug-in.
/// Source: tensorflow/core/util/event.proto, framework/summary.proto, lib/io/record_writer.h.
/// </summary>
public sealed class EventFileWriter : IDisposable
{
    private const int StringType = 7; // DT_STRING
    private const int SessionStarted = 1; // SessionLog.START

    private readonly FileStream _file;
    private readonly TimeProvider _clock;
    private readonly HashSet<string> _described = new(StringComparer.Ordinal);

    /// <param name="path">Made anew; TensorBoard reads files with <c>tfevents</c> in their names, in the names' order.</param>
    /// <param name="clock">Of the events' wall time.</param>
    public EventFileWriter(string path, TimeProvider clock)
    {
        _clock = clock;
        _file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite);
        Append(Event().Add(3, "brain.Event:2"));
    }

    /// <summary>Says that a session begins here: a reader drops what it knows of this step and later ones.</summary>
    public void Begin(long step) => Append(Event().Add(2, step).Add(7, new ProtobufWriter().Add(1, SessionStarted)));

    /// <summary>One event of a step; a reader sees all of it or nothing.</summary>
    /// <param name="values">A description is written with its tag's first value only.</param>
    public void Write(long step, IEnumerable<EventValue> values)
    {
        ProtobufWriter summary = new();
        foreach (EventValue value in values)
            summary.Add(1, Message(value));
        Append(Event().Add(2, step).Add(5, summary));
    }

    /// <summary>Hands all that was written to the operating system, and to the disk if asked for.</summary>
    public void Flush(bool toDisk = false) => _file.Flush(toDisk);

    /// <summary>Bytes written.</summary>
    public long Length => _file.Length;

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private ProtobufWriter Event() =>
        new ProtobufWriter().Add(1, (_clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds);

    private ProtobufWriter Message(EventValue value)
    {
        bool isFirst = _described.Add(value.Tag);
        string plugin = value switch
        {
            EventValue.Scalar => "scalars",
            EventValue.Distribution => "histograms",
            _ => "text",
        };
        ProtobufWriter metadata = new ProtobufWriter().Add(1, new ProtobufWriter().Add(1, plugin));
        if (isFirst && value.Description.Length > 0)
            metadata.Add(3, value.Description);
        ProtobufWriter message = new ProtobufWriter().Add(1, value.Tag).Add(9, metadata);
        return value switch
        {
            EventValue.Scalar scalar => message.Add(2, (float)scalar.Number),
            EventValue.Distribution { Histogram: var histogram } => message.Add(
                5,
                new ProtobufWriter()
                    .Add(1, histogram.Min)
                    .Add(2, histogram.Max)
                    .Add(3, (double)histogram.Count)
                    .Add(4, histogram.Sum)
                    .Add(5, histogram.SumOfSquares)
                    .Add(6, histogram.Limits)
                    .Add(7, [.. histogram.Counts.Select(count => (double)count)])
            ),
            EventValue.Text text => message.Add(
                8,
                // A tensor of one string; its shape is [1].
                new ProtobufWriter()
                    .Add(1, StringType)
                    .Add(2, new ProtobufWriter().Add(2, new ProtobufWriter().Add(1, 1)))
                    .Add(8, text.Markdown)
            ),
            _ => throw new ArgumentException($"{value.GetType().Name} is no kind of event value.", nameof(value)),
        };
    }

    private void Append(ProtobufWriter message)
    {
        ReadOnlySpan<byte> bytes = message.Written;
        Span<byte> head = stackalloc byte[12];
        BinaryPrimitives.WriteUInt64LittleEndian(head, (ulong)bytes.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], MaskedCrc(head[..8]));
        Span<byte> tail = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(tail, MaskedCrc(bytes));
        // One write, so that a kill leaves whole records wherever it can.
        _file.Write([.. head, .. bytes, .. tail]);
        _file.Flush();
    }

    /// <summary>CRC-32C, turned right by 15 bits and moved by a constant.</summary>
    internal static uint MaskedCrc(ReadOnlySpan<byte> bytes)
    {
        uint crc = ~0u;
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words)
            crc = BitOperations.Crc32C(
                crc,
                BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word)
            );
        foreach (byte one in bytes[(words.Length * sizeof(ulong))..])
            crc = BitOperations.Crc32C(crc, one);
        return BitOperations.RotateRight(~crc, 15) + 0xa282ead8u;
    }
}
