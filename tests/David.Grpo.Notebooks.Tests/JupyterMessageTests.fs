namespace David.Grpo.Notebooks.Tests

open System
open System.IO
open System.Net
open System.Net.Sockets
open System.Text
open System.Text.Json.Nodes
open System.Threading
open David.Grpo.Notebooks
open Xunit

type JupyterMessageTests() =
    let key = "a-key"B

    let message =
        let content = JsonObject()
        content["code"] <- JsonValue.Create "1 + 1"
        JupyterMessage.create "session" "execute_request" [| "route"B |] (JsonObject()) content

    [<Fact>]
    member _.``the signature is that of RFC 4231's second test``() =
        let text = "what do ya want for nothing?"B
        let parts = [| text[..3]; text[4..9]; text[10..] |]

        Assert.Equal(
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            JupyterMessage.sign "Jefe"B parts
        )

    [<Fact>]
    member _.``a message comes back from its frames``() =
        let read = (JupyterMessage.tryParse key (JupyterMessage.toFrames key message)).Value
        Assert.Equal("execute_request", read.Type)
        Assert.Equal("1 + 1", (nonNull read.Content["code"]).GetValue<string>())
        Assert.Equal<byte>("route"B, read.Route[0])

    [<Fact>]
    member _.``a message that was changed or signed with another key is none``() =
        let frames = JupyterMessage.toFrames key message
        Assert.True((JupyterMessage.tryParse "other"B frames).IsNone)
        frames[frames.Length - 1] <- "{}"B
        Assert.True((JupyterMessage.tryParse key frames).IsNone)
        Assert.True((JupyterMessage.tryParse key [| "<IDS|MSG>"B |]).IsNone)

    [<Fact>]
    member _.``frames of any length come back from the wire``() =
        let frames =
            [| [||]; Array.create 255 1uy; Array.create 256 2uy; Array.create 70_000 3uy |]

        use stream = new MemoryStream(Zmtp.message frames)
        let read = Zmtp.readMessage stream ignore CancellationToken.None
        Assert.Equal<byte[][]>(frames, read.Result)

    [<Fact>]
    member _.``a peer of another protocol is refused``() =
        Assert.Throws<InvalidDataException>(fun () -> Zmtp.checkGreeting (Array.zeroCreate 64)) |> ignore
        Zmtp.checkGreeting Zmtp.greeting

    [<Fact>]
    member _.``a heartbeat comes back as it was sent``() =
        use _ =
            new ZmtpServer(
                "REP",
                IPEndPoint(IPAddress.Loopback, 0),
                (fun peer frames -> peer.Send(Zmtp.message frames))
            )
            |> fun server ->
                use client = new TcpClient("127.0.0.1", server.Port)
                let stream = client.GetStream()
                stream.Write(Zmtp.greeting, 0, 64)
                let greeting = Array.zeroCreate<byte> 64
                stream.ReadExactly(greeting, 0, 64)
                Zmtp.checkGreeting greeting
                stream.Write(ReadOnlySpan(Zmtp.ready "REQ"))
                (Zmtp.readFrame stream CancellationToken.None).Wait()
                let sent = [| [||]; "ping"B |]
                stream.Write(ReadOnlySpan(Zmtp.message sent))
                let read = Zmtp.readMessage stream ignore CancellationToken.None
                Assert.Equal<byte[][]>(sent, read.Result)
                server

        ()
