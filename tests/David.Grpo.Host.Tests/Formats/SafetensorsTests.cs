using System.Text;
using David.Grpo.Formats;

namespace David.Grpo.Host.Tests.Formats;

public sealed class SafetensorsTests
{
    private const string Two =
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}""";

    [Fact]
    public void Writer_ThenReader_GivesTheSameTensors()
    {
        using Scratch scratch = new();
        float[] values = [1, -2.5f, 3.14159f, float.NaN, float.PositiveInfinity, -0f];
        SafetensorsWriter.Write(
            scratch["x.safetensors"],
            [
                SafetensorsTensor.Raw("bytes", StoredType.U8, [3], new byte[] { 1, 2, 255 }),
                SafetensorsTensor.Floats("w", [2, 3], destination => values.CopyTo(destination)),
                SafetensorsTensor.Floats("scalar", [], destination => destination[0] = 7),
                SafetensorsTensor.Floats("empty", [0, 4], _ => { }),
                SafetensorsTensor.Raw("long", StoredType.I64, [1], BitConverter.GetBytes(1L << 40)),
            ],
            new Dictionary<string, string> { ["step"] = "12", ["mark"] = "ä\"\n" }
        );

        using SafetensorsFile file = SafetensorsFile.Open(scratch["x.safetensors"]);
        Assert.Equal(["bytes", "empty", "long", "scalar", "w"], file.Tensors.Keys.Order());
        Assert.Equal("ä\"\n", file.Metadata["mark"]);
        Assert.Equal([2L, 3L], file.Tensors["w"].Shape);
        Assert.Equal(values, Read(file, "w"));
        Assert.Equal([7f], Read(file, "scalar"));
        Assert.Equal([], Read(file, "empty"));
        Assert.Equal([1f, 2f, 255f], Read(file, "bytes"));
        Assert.Equal([(float)(1L << 40)], Read(file, "long"));
        byte[] raw = new byte[3];
        file.ReadBytes("bytes", raw);
        Assert.Equal([1, 2, 255], raw);
        Assert.Equal(0, file.DataStart % 8);
        Assert.All(file.Tensors.Values, entry => Assert.Equal(0, entry.Type == StoredType.I64 ? entry.Offset % 8 : 0));
    }

    [Fact]
    public void Writer_WithoutMetadata_WritesTheFormatThatTransformersDemands()
    {
        using Scratch scratch = new();
        SafetensorsWriter.Write(scratch["x.safetensors"], [SafetensorsTensor.Floats("w", [1], _ => { })]);
        using SafetensorsFile file = SafetensorsFile.Open(scratch["x.safetensors"]);
        Assert.Equal("pt", file.Metadata["format"]);
    }

    [Theory]
    [InlineData(StoredType.BF16, 1f, 1f)]
    [InlineData(StoredType.BF16, 1.00390625f, 1f)] // half way between 1 and 1 + 2⁻⁷: to even
    [InlineData(StoredType.BF16, 1.01171875f, 1.015625f)] // half way between 1 + 2⁻⁷ and 1 + 2⁻⁶: to even
    [InlineData(StoredType.BF16, float.MaxValue, float.PositiveInfinity)]
    [InlineData(StoredType.BF16, float.NaN, float.NaN)]
    [InlineData(StoredType.F16, 0.1f, 0.099975586f)]
    [InlineData(StoredType.F16, 1e6f, float.PositiveInfinity)]
    public void HalfWidthFloats_AreRoundedToNearestEven(StoredType type, float written, float read)
    {
        using Scratch scratch = new();
        SafetensorsTensor tensor = SafetensorsTensor.Floats("w", [1], values => values[0] = written, type);
        SafetensorsWriter.Write(scratch["x"], [tensor]);
        using SafetensorsFile file = SafetensorsFile.Open(scratch["x"]);
        Assert.Equal([read], Read(file, "w"));
    }

    [Theory]
    [InlineData(StoredType.F64)]
    [InlineData(StoredType.I64)]
    [InlineData(StoredType.U64)]
    [InlineData(StoredType.I32)]
    [InlineData(StoredType.U32)]
    [InlineData(StoredType.I16)]
    [InlineData(StoredType.U16)]
    [InlineData(StoredType.I8)]
    [InlineData(StoredType.U8)]
    [InlineData(StoredType.BOOL)]
    public void EveryElementType_IsConverted(StoredType type)
    {
        using Scratch scratch = new();
        byte[] one = type switch
        {
            StoredType.F64 => BitConverter.GetBytes(1.0),
            StoredType.I64 or StoredType.U64 => BitConverter.GetBytes(1L),
            StoredType.I32 or StoredType.U32 => BitConverter.GetBytes(1),
            StoredType.I16 or StoredType.U16 => BitConverter.GetBytes((short)1),
            _ => [1],
        };
        byte[] many = [.. Enumerable.Repeat(one, 20_000).SelectMany(bytes => bytes)]; // more than one chunk
        SafetensorsWriter.Write(scratch["x"], [SafetensorsTensor.Raw("w", type, [20_000], many)]);
        using SafetensorsFile file = SafetensorsFile.Open(scratch["x"]);
        Assert.All(Read(file, "w"), value => Assert.Equal(1f, value));
    }

    [Fact]
    public void Writer_RefusesNamesThatWouldMakeTheFileUnreadable()
    {
        using Scratch scratch = new();
        SafetensorsTensor one = SafetensorsTensor.Floats("w", [1], _ => { });
        Assert.Contains(
            "\"w\"",
            Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(scratch["x"], [one, one])).Message
        );
        SafetensorsTensor reserved = SafetensorsTensor.Floats("__metadata__", [1], _ => { });
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(scratch["x"], [reserved]));
        Assert.Throws<ArgumentException>(() => SafetensorsTensor.Raw("w", StoredType.F32, [2], new byte[7]));
    }

    [Fact]
    public void EveryTruncation_IsRefusedWithTheFilesName()
    {
        using Scratch scratch = new();
        byte[] whole = Bytes(Two, 11);
        for (int length = 0; length < whole.Length; length++)
        {
            string path = scratch.Write("cut.safetensors", whole[..length]);
            InvalidDataException error = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path));
            Assert.Contains(path, error.Message);
        }
    }

    [Fact]
    public void EveryDamagedByte_IsRefusedOrHarmless()
    {
        using Scratch scratch = new();
        byte[] whole = Bytes(Two, 11);
        Random random = new(7);
        for (int round = 0; round < 2000; round++)
        {
            byte[] damaged = [.. whole];
            for (int hits = random.Next(1, 4); hits > 0; hits--)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            string path = scratch.Write("damaged.safetensors", damaged);
            try
            {
                using SafetensorsFile file = SafetensorsFile.Open(path);
                foreach (string name in file.Tensors.Keys)
                    Read(file, name);
            }
            catch (InvalidDataException error)
            {
                Assert.Contains(path, error.Message);
            }
        }
    }

    [Theory]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[5],"data_offsets":[6,11]}}""",
        "overlap"
    )]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[2],"data_offsets":[9,11]}}""",
        "gap"
    )]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "belong to no tensor")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,11]}}""", "shape [3] of F32")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""", "truncated")]
    [InlineData("""{"a":{"dtype":"U8","shape":[11],"data_offsets":[11,0]}}""", "[begin, end]")]
    [InlineData("""{"a":{"dtype":"U8","shape":[-11],"data_offsets":[0,11]}}""", "-11")]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[4294967296,4294967296,11],"data_offsets":[0,11]}}""",
        "needs another number"
    )]
    [InlineData("""{"a":{"dtype":"F8_E4M3","shape":[11],"data_offsets":[0,11]}}""", "F8_E4M3")]
    [InlineData("""{"a":{"dtype":"U8","data_offsets":[0,11]}}""", "no shape")]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[11],"data_offsets":[0,11]},"a":{"dtype":"U8","shape":[11],"data_offsets":[0,11]}}""",
        "'a'"
    )]
    [InlineData("""{"a":{"dtype":"U8","shape":[11],"data_offsets":[0,11]},"__metadata__":{"n":1}}""", "__metadata__.n")]
    [InlineData("""{"\ud800":{"dtype":"U8","shape":[11],"data_offsets":[0,11]}}""", "JSON")]
    [InlineData("[1]", "not a JSON object")]
    [InlineData("{", "not valid JSON")]
    public void FaultyHeaders_AreRefusedWithTheReason(string header, string reason)
    {
        using Scratch scratch = new();
        string path = scratch.Write("faulty.safetensors", Bytes(header, 11));
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path));
        Assert.Contains(path, error.Message);
        Assert.Contains(reason, error.Message);
    }

    [Fact]
    public void HugeHeaderLength_IsRefusedWithoutReadingIt()
    {
        using Scratch scratch = new();
        byte[] bytes = Bytes(Two, 11);
        bytes[7] = 0x7F;
        string path = scratch.Write("huge.safetensors", bytes);
        Assert.Contains(
            "no safetensors file",
            Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path)).Message
        );
    }

    [Fact]
    public void WrongReads_SayWhatIsWrong()
    {
        using Scratch scratch = new();
        SafetensorsFile file = SafetensorsFile.Open(scratch.Write("x.safetensors", Bytes(Two, 11)));
        Assert.Contains("\"c\"", Assert.Throws<KeyNotFoundException>(() => file.ReadFloat32("c", [])).Message);
        Assert.Contains(
            "2 elements",
            Assert.Throws<ArgumentException>(() => file.ReadFloat32("a", new float[3])).Message
        );
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.ReadFloat32("a", new float[2]));
    }

    private static float[] Read(SafetensorsFile file, string name)
    {
        float[] values = new float[Elements.Count(file.Tensors[name].Shape)!.Value];
        file.ReadFloat32(name, values);
        return values;
    }

    private static byte[] Bytes(string header, int data)
    {
        byte[] text = Encoding.UTF8.GetBytes(header);
        return
        [
            .. BitConverter.GetBytes((ulong)text.Length),
            .. text,
            .. Enumerable.Range(0, data).Select(i => (byte)i),
        ];
    }
}
