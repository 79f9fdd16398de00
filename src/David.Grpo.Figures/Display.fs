namespace David.Grpo.Figures

open System

/// Tells notebooks how to show the values of a type, by the convention of .NET Interactive, which finds the attribute by
/// its name and reads its two properties: so neither side refers to the other. The source has a method
/// `CreateTypeFormatters()` without parameters, whose results have a property `MimeType` and a method
/// `Format(object, TextWriter)`, true where it wrote something.
/// Source: github.com/dotnet/interactive, Formatter.TryRegisterFromConventionBasedFormatterSources.
[<Sealed; AttributeUsage(AttributeTargets.Class ||| AttributeTargets.Struct)>]
type TypeFormatterSourceAttribute(source: string, [<ParamArray>] preferredMimeTypes: string[]) =
    inherit Attribute()

    /// The type of the source, which the compile order puts behind the types that it shows.
    member _.FormatterSourceType: Type =
        match typeof<TypeFormatterSourceAttribute>.Assembly.GetType source with
        | null -> raise (TypeLoadException $"{source} is no type of this assembly.")
        | found -> found

    /// The MIME types of what is shown, the best first.
    member _.PreferredMimeTypes: string[] = preferredMimeTypes
