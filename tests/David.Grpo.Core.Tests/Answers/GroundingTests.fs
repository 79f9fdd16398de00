module David.Grpo.Tests.GroundingTests

open Xunit
open David.Grpo

let private passage id title text =
    {
        Id = { Value = id }
        Title = title
        Text = text
    }

let private travel =
    passage
        "travel"
        "Travel policy › Hotels"
        "A hotel room may cost up to 140 euro a night in Bergen. Breakfast is included."

let private clock =
    passage "clock" "The tidal clock" "It is named Old Ferrand. Old Ferrand was built by the clockmaker Edda Varga."

let private varga =
    passage "varga" "Edda Varga" "Edda Varga learned her trade in the town of Lisk."

[<Fact>]
let ``support is the share of the answer's words that one passage holds`` () =
    Assert.Equal<float[]>([| 1.0; 0.0 |], Grounding.shares "140 euro" [| travel; clock |])
    Assert.Equal<float[]>([| 0.5 |], Grounding.shares "140 dollars" [| travel |])
    Assert.Equal<float[]>([| 1.0 |], Grounding.shares "Yes." [| travel |])
    Assert.Equal<float[]>([| 0.0 |], Grounding.shares "…" [| travel |])

[<Fact>]
let ``numbers are no forms of each other, inflected words are`` () =
    Assert.True(ContentWords.areForms "reimburse" "reimbursement")
    Assert.True(ContentWords.areForms "euro" "euros")
    Assert.False(ContentWords.areForms "20261" "20262")
    Assert.False(ContentWords.areForms "cat" "car")
    Assert.True(ContentWords.areForms "" "")

[<Fact>]
let ``an answer that says the question again is an echo, unless it chooses`` () =
    Assert.True(Grounding.isEcho "Who runs the archive at Sandviken?" "Sandviken")
    Assert.False(Grounding.isEcho "Who runs the archive at Sandviken?" "Marit Lunde")
    Assert.False(Grounding.isEcho "Which is older, Lisk or Ostmere?" "Lisk")

[<Fact>]
let ``the quote is the sentence that the question asks for`` () =
    match Grounding.quoteOrNull "How much may a hotel room cost in Bergen?" [||] [| clock; travel; varga |] with
    | null -> failwith "no quote"
    | quote ->
        Assert.Equal(1, quote.Index)
        Assert.Equal("A hotel room may cost up to 140 euro a night in Bergen.", quote.Sentence)
        Assert.InRange(quote.Confidence, 0.7, 1.0)

[<Fact>]
let ``what no passage speaks of weighs most against the quote`` () =
    let sure question =
        match Grounding.quoteOrNull question [||] [| travel; clock; varga |] with
        | null -> 0.0
        | quote -> quote.Confidence

    Assert.True(sure "hotel room Bergen" > sure "hotel room Tromsø")
    Assert.Equal(0.0, sure "dentist insurance")

[<Fact>]
let ``what the chain speaks of is not missed, and not quoted again`` () =
    let question = "In which town did the builder of Old Ferrand learn her trade?"

    match Grounding.quoteOrNull question [| clock |] [| clock; varga; travel |] with
    | null -> failwith "no quote"
    | quote -> Assert.Equal("Edda Varga learned her trade in the town of Lisk.", quote.Sentence)

[<Fact>]
let ``of several quotes the one with the word asked for answers`` () =
    let quote sentence =
        {
            Index = 0
            Sentence = sentence
            Confidence = 1.0
        }

    let lisk, clock =
        quote "She learned her trade in the town of Lisk.", quote "The clock is named Old Ferrand."

    let answer question =
        (Grounding.answering question [| lisk; clock |]).Sentence

    Assert.Equal(lisk.Sentence, answer "In which town did the builder of Old Ferrand learn her trade?")
    Assert.Equal(clock.Sentence, answer "Who is it?")

[<Fact>]
let ``the next query has the names that were found and drops what a title has`` () =
    Assert.Equal(
        "Edda Varga town builder old ferrand learn trade",
        Grounding.nextQuery [| "In which town did the builder of Old Ferrand learn her trade?" |] [| clock |]
    )
    // Where nothing new is named, it is the question.
    Assert.Equal("what is new", Grounding.nextQuery [| "what is new" |] [||])

[<Fact>]
let ``wrapped lines are one sentence, the fields of a record are one`` () =
    let wrapped =
        passage
            "w"
            "Contracts"
            "Contracts above 10,000 euro are signed by two persons of the company: the managing\ndirector and the head of finance."

    Assert.EndsWith("head of finance.", Grounding.excerpt "managing director" wrapped)

    let record = passage "r" "T-1041" "id: T-1041\nstatus: open\nasset: PR-207"
    Assert.Equal("id: T-1041 · status: open · asset: PR-207", Grounding.excerpt "open" record)
