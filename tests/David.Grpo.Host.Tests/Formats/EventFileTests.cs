using System.Buffers.Binary;
using System.Text;
using David.Grpo.Formats;

namespace David.Grpo.Host.Tests.Formats;

public sealed class EventFileTests
{
    /// <summary>The part of TensorFlow's event.proto, summary.proto, histogram.proto and tensor.proto that is written.</summary>
    private const string Schema = """
        syntax = "proto3";
        package tensorflow;
        message SessionLog { enum SessionStatus { STATUS_UNSPECIFIED = 0; START = 1; STOP = 2; CHECKPOINT = 3; } SessionStatus status = 1; }
        message HistogramProto { double min = 1; double max = 2; double num = 3; double sum = 4; double sum_squares = 5; repeated double bucket_limit = 6 [packed = true]; repeated double bucket = 7 [packed = true]; }
        message SummaryMetadata { message PluginData { string plugin_name = 1; bytes content = 2; } PluginData plugin_data = 1; string display_name = 2; string summary_description = 3; }
        enum DataType { DT_INVALID = 0; DT_STRING = 7; }
        message TensorShapeProto { message Dim { int64 size = 1; string name = 2; } repeated Dim dim = 2; bool unknown_rank = 3; }
        message TensorProto { DataType dtype = 1; TensorShapeProto tensor_shape = 2; repeated bytes string_val = 8; }
        message Summary { message Value { string node_name = 7; string tag = 1; SummaryMetadata metadata = 9; oneof value { float simple_value = 2; HistogramProto histo = 5; TensorProto tensor = 8; } } repeated Value value = 1; }
        message Event { double wall_time = 1; int64 step = 2; oneof what { string file_version = 3; Summary summary = 5; SessionLog session_log = 7; } }
        """;

    [Theory]
    [InlineData("", 0x00000000)]
    [InlineData("a", 0xC1D04330)]
    [InlineData("123456789", 0xE3069283)]
    [InlineData("The quick brown fox jumps over the lazy dog", 0x22620404)]
    public void Crc_IsCastagnolis(string text, uint expected)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        Assert.Equal(expected, EventReader.Crc32C(bytes));
        Assert.Equal(((expected >> 15) | (expected << 17)) + 0xa282ead8u, EventFileWriter.MaskedCrc(bytes));
    }

    [Fact]
    public void WhatIsWritten_IsReadBack()
    {
        using Scratch scratch = new();
        Histogram histogram = Write(scratch["events.out.tfevents.1"]);

        EventReader.Event[] events = EventReader.Read(scratch["events.out.tfevents.1"]);

        Assert.Equal("brain.Event:2", events[0].Version);
        Assert.True(events[1].IsStart);
        Assert.Equal([0, 3, 3, -4], events.Select(written => written.Step));
        Assert.All(events, written => Assert.Equal(1_700_000_000.5, written.WallTime));
        Assert.Equal(["a/scalar", "a/distribution", "ä/text"], events[2].Values.Select(value => value.Tag));
        Assert.Equal(0.25f, events[2].Values[0].Content);
        Assert.Equal(histogram, events[2].Values[1].Content);
        Assert.Equal(("**böld**", "text"), (events[2].Values[2].Content, events[2].Values[2].Plugin));
    }

    [Fact]
    public async Task Protoc_ReadsTheMessages()
    {
        string? protoc = Tool.Find("protoc");
        Assert.SkipWhen(protoc is null, "needs protoc (Debian: protobuf-compiler)");
        using Scratch scratch = new();
        Write(scratch["events.out.tfevents.1"]);
        string schema = scratch.Write("event.proto", Schema);

        byte[] file = File.ReadAllBytes(scratch["events.out.tfevents.1"]);
        List<string> texts = [];
        for (int at = 0; at < file.Length; )
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            texts.Add(
                await Tool.RunAsync(
                    protoc!,
                    [$"--proto_path={scratch.Folder}", "--decode=tensorflow.Event", schema],
                    TestContext.Current.CancellationToken,
                    file[(at + 12)..(at + 12 + length)]
                )
            );
            at += length + 16;
        }

        Assert.Contains("file_version: \"brain.Event:2\"", texts[0]);
        Assert.Contains("status: START", texts[1]);
        Assert.Contains("simple_value: 0.25", texts[2]);
        Assert.Contains("summary_description: \"what it is\"", texts[2]);
        Assert.Contains("bucket_limit: 2.5", texts[2]);
        Assert.Contains("plugin_name: \"text\"", texts[2]);
        Assert.Contains("string_val: \"**b\\303\\266ld**\"", texts[2]);
        Assert.Contains("step: -4", texts[3]);
        // Fields that the schema does not know are shown by their numbers.
        Assert.All(texts, text => Assert.DoesNotMatch(@"(?m)^\s*\d+\s*[:{]", text));
    }

    [Fact]
    public void ADescription_IsWrittenOnce()
    {
        using Scratch scratch = new();
        Write(scratch["events.out.tfevents.1"]);
        string bytes = Encoding.Latin1.GetString(File.ReadAllBytes(scratch["events.out.tfevents.1"]));
        Assert.Equal(2, bytes.Split("what it is").Length);
    }

    private static Histogram Write(string path)
    {
        Histogram histogram = Histogram.OfWholes(30, [1, 2, 2, 5]);
        using EventFileWriter writer = new(path, new Clock());
        writer.Begin(3);
        writer.Write(
            3,
            [
                new EventValue.Scalar("a/scalar", "what it is", 0.25),
                new EventValue.Distribution("a/distribution", "", histogram),
                new EventValue.Text("ä/text", "", "**böld**"),
            ]
        );
        writer.Write(-4, [new EventValue.Scalar("a/scalar", "what it is", double.MaxValue)]);
        return histogram;
    }

    private sealed class Clock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_500);
    }
}
