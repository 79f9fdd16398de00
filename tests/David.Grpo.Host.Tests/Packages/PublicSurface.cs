using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.FSharp.Core;
using Microsoft.FSharp.Reflection;

namespace David.Grpo.Host.Tests.Packages;

/// <summary>What others can name of an assembly, as text: a line a type and a member, and the id of its documentation.</summary>
internal static class PublicSurface
{
    private const BindingFlags Declared =
        BindingFlags.Public
        | BindingFlags.NonPublic
        | BindingFlags.Instance
        | BindingFlags.Static
        | BindingFlags.DeclaredOnly;

    /// <summary>What the compilers add to records and unions.</summary>
    private static readonly string[] Made =
    [
        "Equals",
        "GetHashCode",
        "ToString",
        "CompareTo",
        "op_Equality",
        "op_Inequality",
        "Deconstruct",
        "<Clone>$",
        "PrintMembers",
        "EqualityContract",
        "Tag",
    ];

    /// <param name="Text">As a reader sees it.</param>
    /// <param name="Ids">Of the documentation, of which one says it; none where none is due.</param>
    /// <param name="Parameter">Of the type's documentation, for a positional record's property.</param>
    public sealed record Entry(string Text, string[] Ids, (string Type, string Name)? Parameter = null);

    /// <summary>Types by name, each followed by its members.</summary>
    public static IEnumerable<Entry> Of(Assembly assembly)
    {
        foreach (Type type in assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            if (IsCase(type) || type.Name == "Tags" || type.IsDefined(typeof(CompilerGeneratedAttribute)))
                continue;
            yield return new Entry($"{Kind(type)} {Name(type)}{Parents(type)}", [$"T:{Id(type)}"]);
            foreach (Entry member in Members(type).OrderBy(member => member.Text, StringComparer.Ordinal))
                yield return member;
        }
    }

    private static IEnumerable<Entry> Members(Type type)
    {
        if (typeof(Delegate).IsAssignableFrom(type))
        {
            MethodInfo invoke = type.GetMethod("Invoke")!;
            yield return new Entry($"    ({Parameters(invoke)}) -> {Name(invoke.ReturnType)}", []);
            yield break;
        }
        bool isUnion = FSharpType.IsUnion(type, FSharpOption<BindingFlags>.None);
        bool isFSharp = isUnion || FSharpType.IsRecord(type, FSharpOption<BindingFlags>.None);
        if (isUnion)
            foreach (UnionCaseInfo one in FSharpType.GetUnionCases(type, FSharpOption<BindingFlags>.None))
                yield return new Entry(
                    $"    case {one.Name}({string.Join(", ", one.GetFields().Select(field => $"{Name(field.PropertyType)} {field.Name}"))})",
                    [$"T:{Id(type)}.{one.Name}", $"M:{Id(type)}.{one.Name}", $"P:{Id(type)}.{one.Name}"]
                );
        foreach (FieldInfo field in type.GetFields(Declared))
            if (IsOpen(field.IsPublic, field.IsFamily) && !field.IsSpecialName && !IsMade(field))
                yield return new Entry(
                    $"    {(field.IsLiteral ? "const " : "")}{Name(field.FieldType)} {field.Name}",
                    type.IsEnum ? [] : [$"F:{Id(type)}.{field.Name}"]
                );
        foreach (EventInfo own in type.GetEvents(Declared))
            if (IsOpen(own.AddMethod!.IsPublic, own.AddMethod.IsFamily))
                yield return new Entry(
                    $"    event {Name(own.EventHandlerType!)} {own.Name}",
                    [$"E:{Id(type)}.{own.Name}"]
                );
        foreach (PropertyInfo property in type.GetProperties(Declared))
        {
            MethodInfo? getter = property.GetMethod ?? property.SetMethod;
            if (!IsOpen(getter!.IsPublic, getter.IsFamily) || Made.Contains(property.Name) || IsOverride(getter))
                continue;
            if (
                isUnion
                && (
                    IsMade(getter)
                    || property.Name.StartsWith("Is", StringComparison.Ordinal)
                        && getter.IsDefined(typeof(System.Diagnostics.DebuggerNonUserCodeAttribute))
                )
            )
                continue;
            if (isUnion && getter.IsStatic && property.PropertyType == type)
                continue; // a case without fields
            yield return new Entry(
                $"    {(getter.IsStatic ? "static " : "")}{Name(property.PropertyType)} {property.Name} {{ {(property.GetMethod is not null ? "get; " : "")}{(property.SetMethod is { IsPublic: true } ? "set; " : "")}}}",
                // One that implements an interface's is documented there.
                Implements(type, getter) || property.IsDefined(typeof(System.ComponentModel.DescriptionAttribute))
                    ? []
                    : [$"P:{Id(type)}.{property.Name}{Arguments(property.GetIndexParameters())}"],
                (Id(type), property.Name)
            );
        }
        if (!isFSharp)
            foreach (ConstructorInfo constructor in type.GetConstructors(Declared))
                if (IsOpen(constructor.IsPublic, constructor.IsFamily) && !IsMade(constructor) && !IsCopy(constructor))
                    yield return new Entry($"    new({Parameters(constructor)})", []);
        foreach (MethodInfo method in type.GetMethods(Declared))
        {
            if (
                !IsOpen(method.IsPublic, method.IsFamily)
                || IsMade(method)
                || Made.Contains(method.Name)
                || IsOverride(method)
                || (method.IsSpecialName && !method.Name.StartsWith("op_", StringComparison.Ordinal))
                || (
                    isUnion
                    && method.IsStatic
                    && method.Name.StartsWith("New", StringComparison.Ordinal)
                    && method.ReturnType == type
                )
            )
                continue;
            string generic = method.IsGenericMethod ? $"``{method.GetGenericArguments().Length}" : "";
            string id = $"M:{Id(type)}.{method.Name}{generic}{Arguments(method.GetParameters())}";
            if (method.Name is "op_Implicit" or "op_Explicit")
                id += "~" + IdOf(method.ReturnType);
            yield return new Entry(
                $"    {(method.IsStatic ? "static " : "")}{Name(method.ReturnType)} {method.Name}{Generic(method)}({Parameters(method)})",
                Implements(type, method) ? [] : [id]
            );
        }
    }

    /// <summary>The folded text of a surface.</summary>
    public static string Text(Assembly assembly)
    {
        StringBuilder text = new();
        foreach (Entry entry in Of(assembly))
            text.Append(entry.Text).Append('\n');
        return text.ToString();
    }

    private static bool IsOpen(bool isPublic, bool isFamily) => isPublic || isFamily;

    private static bool IsMade(MemberInfo member) => member.IsDefined(typeof(CompilerGeneratedAttribute));

    private static bool IsOverride(MethodInfo method) => method.IsVirtual && method.GetBaseDefinition() != method;

    private static bool IsCopy(ConstructorInfo constructor) =>
        constructor.IsFamily
        && constructor.GetParameters() is [var only]
        && only.ParameterType == constructor.DeclaringType;

    private static bool Implements(Type type, MethodInfo method) =>
        !type.IsInterface && type.GetInterfaces().Any(one => type.GetInterfaceMap(one).TargetMethods.Contains(method));

    /// <summary>A union's case with fields is a class within it, which its own line shows.</summary>
    private static bool IsCase(Type type) =>
        type.DeclaringType is { } union
        && FSharpType.IsUnion(union, FSharpOption<BindingFlags>.None)
        && (type.BaseType == union || type.BaseType?.Name == union.Name);

    private static string Kind(Type type) =>
        FSharpType.IsUnion(type, FSharpOption<BindingFlags>.None) ? "union"
        : type.IsEnum ? "enum"
        : type.IsInterface ? "interface"
        : typeof(Delegate).IsAssignableFrom(type) ? "delegate"
        : type is { IsAbstract: true, IsSealed: true } ? "static class"
        : type.GetMethod("<Clone>$") is not null || FSharpType.IsRecord(type, FSharpOption<BindingFlags>.None)
            ? "record"
        : type.IsValueType ? "struct"
        : type.IsAbstract ? "abstract class"
        : "class";

    private static string Parents(Type type)
    {
        if (type.IsEnum || typeof(Delegate).IsAssignableFrom(type))
            return "";
        string[] parents =
        [
            .. ((Type?[])[type.BaseType])
                .Where(own => own is not null && own != typeof(object) && own != typeof(ValueType))
                .Select(own => Name(own!)),
            .. type.GetInterfaces()
                .Where(own =>
                    own.Namespace?.StartsWith("David", StringComparison.Ordinal) == true || own == typeof(IDisposable)
                )
                .Select(Name)
                .Order(StringComparer.Ordinal),
        ];
        return parents is [] ? "" : " : " + string.Join(", ", parents);
    }

    private static string Parameters(MethodBase method) =>
        string.Join(
            ", ",
            method
                .GetParameters()
                .Select(parameter =>
                    $"{Name(parameter.ParameterType)} {parameter.Name}{(parameter.IsOptional ? " = …" : "")}"
                )
        );

    private static string Generic(MethodInfo method) =>
        method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(own => own.Name))}>" : "";

    private static string Name(Type type)
    {
        if (type.IsByRef)
            return "ref " + Name(type.GetElementType()!);
        if (type.IsArray)
            return Name(type.GetElementType()!) + "[]";
        if (type.IsGenericParameter)
            return type.Name;
        string name = type.FullName ?? $"{type.Namespace}.{type.Name}";
        if (type.IsGenericType)
        {
            string open = type.GetGenericTypeDefinition().FullName!;
            return $"{open.Split('`')[0].Replace("System.Collections.Generic.", "", StringComparison.Ordinal).Replace("System.", "", StringComparison.Ordinal)}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>";
        }
        return type.Namespace == "System" ? type.Name : name;
    }

    /// <summary>As XML documentation names a type.</summary>
    private static string Id(Type type) => type.FullName!.Replace('+', '.');

    private static string Arguments(ParameterInfo[] parameters) =>
        parameters is [] ? "" : $"({string.Join(",", parameters.Select(parameter => IdOf(parameter.ParameterType)))})";

    private static string IdOf(Type type)
    {
        if (type.IsByRef)
            return IdOf(type.GetElementType()!) + "@";
        if (type.IsArray)
            return IdOf(type.GetElementType()!) + "[]";
        if (type.IsPointer)
            return IdOf(type.GetElementType()!) + "*";
        if (type.IsGenericParameter)
            return (type.DeclaringMethod is null ? "`" : "``") + type.GenericParameterPosition;
        if (type.IsGenericType)
            return $"{Id(type.GetGenericTypeDefinition()).Split('`')[0]}{{{string.Join(",", type.GetGenericArguments().Select(IdOf))}}}";
        return Id(type);
    }
}
