using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace David.Grpo.Configuration;

/// <summary>One key of a section.</summary>
/// <param name="Key">In snake case.</param>
/// <param name="IsNullable">Whether nothing, null, is a value.</param>
/// <param name="IsRequired">Whether the key must be given.</param>
/// <param name="Description">Help text; may be empty.</param>
internal sealed record Option(
    string Key,
    PropertyInfo Property,
    OptionKind Kind,
    bool IsNullable,
    bool IsRequired,
    string Description
)
{
    public object? Of(object section) => Property.GetValue(section);
}

/// <summary>The keys of a section, read off a record's properties; inherited ones first.</summary>
internal sealed class OptionSchema
{
    private readonly Type type;

    private OptionSchema(Type type, Option[] options) => (this.type, Options) = (type, options);

    public Option[] Options { get; }

    /// <summary>A record with the defaults.</summary>
    public object New() => New(type);

    /// <summary>Reads the properties of <paramref name="record"/>.</summary>
    /// <exception cref="NotSupportedException">A property has a type that no YAML is defined for.</exception>
    public static OptionSchema Of(Type record) => Of(record, []);

    /// <summary>How a name of C# is written in YAML: <c>TopK</c> is <c>top_k</c>.</summary>
    public static string Key(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);

    private static OptionSchema Of(Type record, Type[] within)
    {
        if (within.Contains(record))
            throw new NotSupportedException($"{record.Name} contains itself; a configuration has an end.");
        object defaults = New(record);
        PropertyInfo[] properties =
        [
            .. record
                .GetProperties(BindingFlags.Public | BindingFlags.Instance)
                .Where(property => property is { CanRead: true, CanWrite: true } && property.GetIndexParameters() is [])
                .OrderBy(property => Depth(property.DeclaringType!))
                .ThenBy(property => property.MetadataToken),
        ];
        return new OptionSchema(
            record,
            [.. properties.Select(property => OptionOf(property, defaults, [.. within, record]))]
        );
    }

    private static object New(Type record) =>
        record.GetConstructor(Type.EmptyTypes) is { } constructor
            ? constructor.Invoke(null)
            : throw new NotSupportedException($"{record.Name} has no public constructor without parameters.");

    private static int Depth(Type type) => type.BaseType is { } parent ? 1 + Depth(parent) : 0;

    private static Option OptionOf(PropertyInfo property, object defaults, Type[] within)
    {
        bool isNullable =
            new NullabilityInfoContext().Create(property).WriteState is NullabilityState.Nullable
            || Nullable.GetUnderlyingType(property.PropertyType) is not null;
        bool isRequired =
            property.IsDefined(typeof(RequiredAttribute))
            || property.IsDefined(typeof(RequiredMemberAttribute))
            || (!isNullable && property.GetValue(defaults) is null);
        return new Option(
            Key(property.Name),
            property,
            KindOf(Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType, property, within),
            isNullable,
            isRequired,
            property.GetCustomAttribute<DescriptionAttribute>()?.Description ?? ""
        );
    }

    private static OptionKind KindOf(Type type, PropertyInfo property, Type[] within) =>
        type switch
        {
            _ when type == typeof(bool) => new FlagKind(),
            _ when type == typeof(int) => new WholeKind(type, Bounds.Of(property, int.MinValue, int.MaxValue)),
            _ when type == typeof(long) => new WholeKind(type, Bounds.Of(property, long.MinValue, long.MaxValue)),
            _ when type == typeof(double) => new RealKind(
                Bounds.Of(property, double.NegativeInfinity, double.PositiveInfinity)
            ),
            _ when type == typeof(string) && property.IsDefined(typeof(RelativeToFileAttribute)) => new PathKind(),
            _ when property.GetCustomAttribute<NamedByAttribute>() is { } named => new NameKind(named.Names),
            _ when type == typeof(string) => new TextKind(),
            { IsEnum: true } => new ChoiceKind(type),
            { IsSZArray: true } when type.GetElementType() is { IsArray: false } item => new ListKind(
                KindOf(item, property, within),
                item
            ),
            { IsClass: true, IsAbstract: false, IsArray: false } when type.Assembly != typeof(object).Assembly =>
                new SectionKind(Of(type, within)),
            _ => throw new NotSupportedException(
                $"{property.DeclaringType!.Name}.{property.Name} is of type {type.Name}; an option is an int, long, double, "
                    + "bool, string, enum, a record of options, or an array of one of these."
            ),
        };
}

/// <summary>The range of a number, from the property's <see cref="RangeAttribute"/> or else the type's own.</summary>
internal readonly record struct Bounds(double Low, double High, bool LowExclusive, bool HighExclusive)
{
    public static Bounds Of(PropertyInfo property, double typeLow, double typeHigh) =>
        property.GetCustomAttribute<RangeAttribute>() is { } range
            ? new Bounds(
                Math.Max(typeLow, Number(range.Minimum)),
                Math.Min(typeHigh, Number(range.Maximum)),
                range.MinimumIsExclusive,
                range.MaximumIsExclusive
            ) with
            {
                IsLowStated = Number(range.Minimum) > typeLow,
                IsHighStated = Number(range.Maximum) < typeHigh,
            }
            : new Bounds(typeLow, typeHigh, false, false);

    private bool IsLowStated { get; init; }

    private bool IsHighStated { get; init; }

    public bool Contains(double value) =>
        (LowExclusive ? value > Low : value >= Low) && (HighExclusive ? value < High : value <= High);

    /// <summary>Such as " from 0 to 1", " above 0", or nothing where every number of the type will do.</summary>
    public override string ToString() =>
        (IsLowStated, IsHighStated, LowExclusive || HighExclusive) switch
        {
            (true, true, false) => $" from {RealKind.Text(Low)} to {RealKind.Text(High)}",
            (true, true, true) => $" {LowText} and {HighText}",
            (true, false, _) => " " + LowText,
            (false, true, _) => " " + HighText,
            _ => "",
        };

    private string LowText => (LowExclusive ? "above " : "of at least ") + RealKind.Text(Low);

    private string HighText => (HighExclusive ? "below " : "of at most ") + RealKind.Text(High);

    private static double Number(object bound) =>
        Convert.ToDouble(bound, System.Globalization.CultureInfo.InvariantCulture);
}
