namespace David.Grpo.Notebooks.Tests

open System
open System.IO
open System.Net
open System.Net.Sockets
open System.Text
open System.Text.Json.Nodes
open System.Threading
open David.Grpo.Notebooks
open Expecto
open David.Grpo.Tests

module JupyterMessageTests =
    let private key = "a-key"B

    let private message =
        let content = JsonObject()
        content["code"] <- JsonValue.Create "1 + 1"
        JupyterMessage.create "session" "execute_request" [| "route"B |] (JsonObject()) content

    [<Tests>]
    let tests =
        testList "JupyterMessageTests" [
            test "the signature is that of RFC 4231's second test" {
                let text = "what do ya want for nothing?"B
                let parts = [| text[..3]; text[4..9]; text[10..] |]

                JupyterMessage.sign "Jefe"B parts
                |> equals "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            }

            test "a message comes back from its frames" {
                let read = (JupyterMessage.tryParse key (JupyterMessage.toFrames key message)).Value
                read.Type |> equals "execute_request"
                (nonNull read.Content["code"]).GetValue<string>() |> equals "1 + 1"
                read.Route[0] |> equals "route"B
            }

            test "a message that was changed or signed with another key is none" {
                let frames = JupyterMessage.toFrames key message
                isTrue (JupyterMessage.tryParse "other"B frames).IsNone
                frames[frames.Length - 1] <- "{}"B
                isTrue (JupyterMessage.tryParse key frames).IsNone
                isTrue (JupyterMessage.tryParse key [| "<IDS|MSG>"B |]).IsNone
            }

            test "frames of any length come back from the wire" {
                let frames =
                    [| [||]; Array.create 255 1uy; Array.create 256 2uy; Array.create 70_000 3uy |]

                use stream = new MemoryStream(Zmtp.message frames)
                let read = Zmtp.readMessage stream ignore CancellationToken.None
                read.Result |> equals frames
            }

            test "a peer of another protocol is refused" {
                throws<InvalidDataException>(fun () -> Zmtp.checkGreeting (Array.zeroCreate 64)) |> ignore
                Zmtp.checkGreeting Zmtp.greeting
            }

            testCase "a heartbeat comes back as it was sent" (fun () ->
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
                        read.Result |> equals sent
                        server

                ())
        ]
