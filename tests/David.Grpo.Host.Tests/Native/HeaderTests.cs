using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using David.Grpo.Native;
using David.Grpo.Tensors;

namespace David.Grpo.Host.Tests.Native;

/// <summary>The P/Invokes are those of david_torch.h, one for one.</summary>
public sealed partial class HeaderTests
{
    [Fact]
    public void PInvokes_AreTheHeadersFunctions()
    {
        string[] functions = [.. Functions().Select(function => function.Name)];
        Assert.True(functions.Length >= 50, $"only {functions.Length} functions were read from the header");
        Assert.Equal(functions.Order(StringComparer.Ordinal), Imports().Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void PInvokes_TakeWhatTheHeaderSays()
    {
        Dictionary<string, MethodInfo> imports = Imports();
        foreach ((string name, string result, (string Type, string Name)[] expected) in Functions())
        {
            MethodInfo import = imports[name];
            ParameterInfo[] given = import.GetParameters();
            Assert.True(Fits(result, import.ReturnType), $"{name} returns {result}; the P/Invoke {import.ReturnType}");
            Assert.True(
                expected.Length == given.Length,
                $"{name} has {expected.Length} parameters; the P/Invoke {given.Length}"
            );
            for (int i = 0; i < given.Length; i++)
            {
                Assert.True(
                    Fits(expected[i].Type, given[i].ParameterType),
                    $"{name}, parameter {i + 1}: {expected[i].Type}; the P/Invoke {given[i].ParameterType}"
                );
                // Numbers of one type are told apart by their names alone.
                if (!expected[i].Type.Contains('*'))
                    Assert.Equal(expected[i].Name.Replace("_", ""), given[i].Name!.ToLowerInvariant());
            }
        }
    }

    [Fact]
    public void EveryFunction_ReturnsAStatusOrAText() =>
        Assert.All(Functions(), function => Assert.Contains(function.Result, (string[])["int32_t", "const char*"]));

    [Fact]
    public void ElementTypes_AreNumberedAsInTheHeader()
    {
        Match types = ElementTypePattern().Match(File.ReadAllText(HeaderPath()));
        Assert.Equal(
            types
                .Groups["number"]
                .Captures.Zip(types.Groups["name"].Captures, (number, name) => $"{number.Value} {name.Value}"),
            Enum.GetValues<ElementType>().Select(type => $"{(int)type} {type.ToString().ToLowerInvariant()}")
        );
    }

    private static bool Fits(string type, Type given) =>
        type switch
        {
            "int32_t" => given == typeof(int),
            "int64_t" => given == typeof(long),
            "uint8_t" => given == typeof(byte),
            "double" => given == typeof(double),
            "const char*" => given == typeof(nint),
            "void*" or "const void*" => given == typeof(void*),
            "int32_t*" => given == typeof(int).MakeByRefType(),
            "uint8_t*" => given == typeof(byte).MakeByRefType(),
            "double*" => given == typeof(double).MakeByRefType(),
            "const int64_t*" => given == typeof(long*),
            "int64_t*" => given == typeof(long*) || given == typeof(long).MakeByRefType(),
            // A plain pointer where null is allowed, and where the handle itself is freed.
            "david_tensor*" or "const david_tensor*" => given == typeof(TensorHandle) || given == typeof(nint),
            "david_tensor**" => given == typeof(TensorHandle).MakeByRefType() || given == typeof(nint*),
            "const david_tensor* const*" => given == typeof(nint*),
            _ => false,
        };

    private static (string Name, string Result, (string Type, string Name)[] Parameters)[] Functions()
    {
        string text = CommentPattern().Replace(File.ReadAllText(HeaderPath()), " ");
        return
        [
            .. FunctionPattern()
                .Matches(text)
                .Select(function =>
                    (
                        function.Groups["name"].Value,
                        function.Groups["result"].Value,
                        function
                            .Groups["parameters"]
                            .Value.Split(',', StringSplitOptions.TrimEntries)
                            .Where(parameter => parameter != "void")
                            .Select(parameter => ParameterPattern().Match(parameter))
                            .Select(parameter => (parameter.Groups["type"].Value, parameter.Groups["name"].Value))
                            .ToArray()
                    )
                ),
        ];
    }

    private static Dictionary<string, MethodInfo> Imports() =>
        typeof(NativeMethods)
            .GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
            .Where(method => method.IsDefined(typeof(LibraryImportAttribute)))
            .ToDictionary(method => method.GetCustomAttribute<LibraryImportAttribute>()!.EntryPoint!);

    private static string HeaderPath()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
            if (Path.Combine(at.FullName, "src/native/david_torch/david_torch.h") is var file && File.Exists(file))
                return file;
        throw new FileNotFoundException(
            $"src/native/david_torch/david_torch.h is not above {AppContext.BaseDirectory}."
        );
    }

    [GeneratedRegex(@"/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex CommentPattern();

    [GeneratedRegex(@"(?<result>\w[\w ]*\*?) (?<name>david_\w+)\((?<parameters>[^)]*)\);")]
    private static partial Regex FunctionPattern();

    [GeneratedRegex(@"^(?<type>.*?)\s*(?<name>\w+)$", RegexOptions.Singleline)]
    private static partial Regex ParameterPattern();

    [GeneratedRegex(@"Element types[^:]*:(?: (?<number>\d+) (?<name>\w+)[,.])+")]
    private static partial Regex ElementTypePattern();
}
