namespace David.Grpo

open System
open System.Collections.Generic

/// Where sentences end. Our own rules, for texts of any language: the marks of all scripts end a sentence, but a full stop only
/// where it does not belong to an abbreviation, an initial or an ordinal. In doubt two sentences stay one: half of one is
/// the worse quote.
[<RequireQualifiedAccess>]
module Sentences =

    let private wordSet (words: string) =
        HashSet<string>(words.Split(' ', StringSplitOptions.RemoveEmptyEntries), StringComparer.OrdinalIgnoreCase)

    /// A name follows these, so they end nothing.
    let private titles =
        wordSet
            "mr mrs ms mx dr prof sen rep gov gen col lt sgt maj capt cmdr adm rev hon pres supt messrs mme mlle mgr msgr st ste hr fr frl ing dipl mag sr sra dott avv fa gebr"

    /// A number follows these, or they are words.
    let private numbered =
        wordSet
            "no nos nr vol vols fig figs p pp eq eqs sec secs art arts para paras ch chap tab abb kap bd s z tel ext abs ziff rn núm n° § c v"

    let private months =
        wordSet "jan feb mar apr jun jul aug sep sept oct nov dec okt dez"

    /// The sentence may end with these, and does where a word follows that begins one.
    let private others =
        wordSet
            "approx ca cca etc usw vs cf viz al inc ltd co corp dept est min max avg bzw evtl ggf inkl exkl zzgl vgl sog bspw str geb gest verh bros mt ft jr misc incl excl resp esp orig temp ed eds ind abt alt anm aufl bes betr einschl entspr geg jh mio mrd tsd rd od u lat phil theol jur rer med nat hist assn assoc bldg blvd ave rd hwy sq tbsp tsp oz lb lbs hrs mins secs wk yr yrs"

    /// Abbreviations with full stops inside after which the sentence goes on.
    let private goingOn =
        wordSet "e.g i.e z.b d.h u.a o.ä i.d.r s.o s.u v.a m.e p.ej c.à.d n.b"

    /// Words that begin a sentence oftener than they follow an abbreviation in one.
    let private starters =
        wordSet
            "the a an it he she we they you i this that these those there here in on at if when while after before but and or so as for from to of by with his her its our their my your what who where why how which no not yes all each every some many most such one two both also however thus then please der die das den dem ein eine er sie es wir ihr im am auf bei mit von zu nach wenn als aber und oder dieser diese dieses bitte le la les un une il elle nous el los las una"

    /// Before an ordinal of German and its kin (am 3. Mai).
    let private beforeOrdinals =
        wordSet
            "am der die das dem den des im vom zum zur beim ab bis seit jeder jeden jede jedem ein eine einem einen einer ihr sein unser den"

    let private afterOrdinals =
        wordSet
            "januar februar märz april mai juni juli august september oktober november dezember january february march may june july october december jahrhundert jahrhunderts jh auflage stock etage klasse kapitel platz tag woche mal weltkrieg geburtstag obergeschoss og quartal halbjahr semester"

    let private closers = "\"'”’“»›)]}」』）】》〉＂＇"
    let private openers = "\"'“‘„‚«‹([{¿¡「『（【《〈"

    /// They end a sentence with no blank after them.
    let private unspacedEnds = "。！？｡．"

    /// They end a sentence before a blank, whatever stands before them.
    let private plainEnds = "؟۔։।॥።။៕"

    let private wordFrom (text: string) at =
        let mutable first = at

        while first < text.Length && (Char.IsWhiteSpace text[first] || openers.Contains text[first]) do
            first <- first + 1

        let mutable last = first

        while last < text.Length && not (Char.IsWhiteSpace text[last]) do
            last <- last + 1

        text.Substring(first, last - first)

    /// The word that ends before `at`: the place it begins at, and itself.
    let private wordBefore (text: string) at =
        let mutable first = at

        while first > 0 && not (Char.IsWhiteSpace text[first - 1]) && not (openers.Contains text[first - 1]) do
            first <- first - 1

        struct (first, text.Substring(first, at - first))

    let private beginsLine (text: string) at =
        let mutable first = at

        while first > 0 && (text[first - 1] = ' ' || text[first - 1] = '\t') do
            first <- first - 1

        first = 0 || text[first - 1] = '\n'

    /// Whether the line that a place is in begins with a small letter: then its sentences may.
    let private isSmallWritten (text: string) at =
        let start = text.LastIndexOf('\n', max 0 (at - 1)) + 1
        let first = text.AsSpan(start, at - start).IndexOfAnyExcept(" \t-*•>\"'([")
        first >= 0 && Char.IsLower text[start + first]

    let private isStarter (next: string) =
        starters.Contains(next.TrimEnd(',', ':', ';'))

    let private isShort (part: string) =
        part.Length >= 1 && part.Length <= 2 && Seq.forall Char.IsLetter part

    /// Whether the full stop at `stop` ends a sentence that `next` would follow.
    let private endsWithStop (text: string) stop (next: string) =
        let struct (first, word) = wordBefore text stop
        let isNumber = word <> "" && Seq.forall Char.IsDigit word
        let nextIsDigit = Char.IsDigit next[0]
        let nextIsSmall = Char.IsLower next[0] && not (isSmallWritten text first)
        let bare = word.Trim '.'

        if isNumber then
            let struct (_, before) =
                wordBefore (text.Substring(0, first).TrimEnd()) (text.Substring(0, first).TrimEnd().Length)

            not (
                beginsLine text first
                || nextIsSmall
                || (word.Length <= 2 && nextIsDigit)
                || (word.Length <= 3
                    && (afterOrdinals.Contains(next.TrimEnd('.', ',', ';', ':'))
                        || (beforeOrdinals.Contains before && not (isStarter next))))
            )
        elif word = "" || word.EndsWith '.' then
            // An ellipsis, or a stop by itself.
            not nextIsSmall
        elif titles.Contains bare then
            false
        elif numbered.Contains bare then
            not nextIsDigit && not nextIsSmall && (bare.Length > 1 || isStarter next)
        elif goingOn.Contains bare then
            false
        elif word.Length = 1 then
            Char.IsUpper word[0] && isStarter next && not (beginsLine text first)
        elif word.Contains '.' && word.Split '.' |> Array.forall isShort then
            isStarter next && Char.IsUpper next[0]
        elif months.Contains bare || others.Contains bare then
            isStarter next && Char.IsUpper next[0]
        else
            not nextIsSmall

    /// Whether a sentence ends just before a place: `text[at]` is the blank behind it, or where the script has none, the
    /// first character of the next. False at both ends of the text.
    [<CompiledName "EndsBefore">]
    let endsBefore (text: string) (at: int) : bool =
        if at <= 0 || at >= text.Length || closers.Contains text[at] && not (openers.Contains text[at]) then
            false
        else
            let mutable last = at - 1

            while last > 0 && closers.Contains text[last] do
                last <- last - 1

            let mark = text[last]

            if unspacedEnds.Contains mark then
                // A quotation within a sentence goes on with what says whose it is.
                not (unspacedEnds.Contains text[at])
                && not (last < at - 1 && text[at] >= '\u3041' && text[at] <= '\u309F')
                && not (mark = '．' && Char.IsDigit text[at])
            elif not (Char.IsWhiteSpace text[at]) || Char.IsWhiteSpace mark then
                false
            elif plainEnds.Contains mark then
                true
            elif not (".!?…".Contains mark) then
                false
            else
                match wordFrom text at with
                | "" -> false
                | next when mark = '.' -> endsWithStop text last next
                | next -> not (Char.IsLower next[0]) || isSmallWritten text last

    /// Whether a text asks: its last sentence ends with a question mark.
    [<CompiledName "IsQuestion">]
    let isQuestion (text: string) : bool =
        let last = text.TrimEnd().TrimEnd(closers.ToCharArray())
        last <> "" && "?？؟".Contains last[last.Length - 1]

    /// The sentences of a text, in its order, without blanks around them.
    [<CompiledName "Of">]
    let ofText (text: string) : string[] =
        let found = ResizeArray<string>()
        let mutable start = 0

        for at in 1 .. text.Length do
            if at = text.Length || endsBefore text at then
                match text.Substring(start, at - start).Trim() with
                | "" -> ()
                | sentence -> found.Add sentence

                start <- at

        found.ToArray()
