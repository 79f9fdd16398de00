namespace David.Grpo.Notebooks

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Net
open System.Runtime.InteropServices
open System.Text
open System.Text.Json.Nodes
open System.Threading
open System.Threading.Tasks

/// A Jupyter kernel of F# and C# cells.
[<Sealed>]
type JupyterKernel private (connection: Connection, standard: CellLanguage, version: string) =

    let session = Guid.NewGuid().ToString "N"
    let cells = new CellSession(Directory.GetCurrentDirectory())
    let ended = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously
    let requests = new BlockingCollection<ZmtpPeer * JupyterMessage>()
    let mutable count = 0
    // Execution requests that came while a cell of theirs failed are not run.
    let mutable abortUntil = 0L
    let mutable received = 0L

    let address = IPAddress.Parse connection.Ip

    let fields (values: (string * JsonNode | null) list) =
        let result = JsonObject()

        for name, value in values do
            result[name] <- value

        result

    let text (value: string) : JsonNode | null = JsonValue.Create value
    let number (value: int) : JsonNode | null = JsonValue.Create value

    let iopub =
        new ZmtpServer("PUB", IPEndPoint(address, connection.Iopub), (fun _ _ -> ()))

    let publish (parent: JsonObject) (messageType: string) (content: JsonObject) =
        JupyterMessage.create session messageType [| Encoding.ASCII.GetBytes $"kernel.{messageType}" |] parent content
        |> JupyterMessage.toFrames connection.Key
        |> iopub.Publish

    let reply (peer: ZmtpPeer) (request: JupyterMessage) (messageType: string) (content: JsonObject) =
        JupyterMessage.create session messageType request.Route request.Header content
        |> JupyterMessage.toFrames connection.Key
        |> Zmtp.message
        |> peer.Send

    let status (parent: JsonObject) (state: string) =
        publish parent "status" (fields [ "execution_state", text state ])

    let shown = if standard = CellLanguage.CSharp then "C#" else "F#"

    let info () =
        fields
            [
                "status", text "ok"
                "protocol_version", text JupyterMessage.version
                "implementation", text "david"
                "implementation_version", text version
                "banner", text $"David.Grpo {version}: cells are {shown}, after #!fsharp or #!csharp what that says"
                "debugger", JsonValue.Create false
                "help_links", JsonArray()
                "language_info",
                fields
                    [
                        "name", text shown
                        "version", text "10.0"
                        "mimetype", text $"text/x-{standard.Name}"
                        "file_extension", text (if standard = CellLanguage.CSharp then ".cs" else ".fs")
                        "pygments_lexer", text standard.Name
                        "codemirror_mode", text $"text/x-{standard.Name}"
                    ]
            ]

    let field (name: string) (content: JsonObject) =
        match content[name] with
        | null -> ""
        | found -> found.GetValue<string>()

    let isTrue (name: string) (standard: bool) (content: JsonObject) =
        match content[name] with
        | null -> standard
        | found -> found.GetValue<bool>()

    let execute (peer: ZmtpPeer) (request: JupyterMessage) =
        let code = field "code" request.Content
        let isSilent = isTrue "silent" false request.Content

        if not isSilent && isTrue "store_history" true request.Content then
            count <- count + 1

        let counted = max 1 count
        let mutable fault = None

        if not isSilent then
            publish request.Header "execute_input" (fields [ "code", text code; "execution_count", number counted ])

        // Small writes are sent together.
        let pending = StringBuilder()
        let mutable stream = ""

        let flush () =
            if pending.Length > 0 then
                let written = pending.ToString()
                pending.Clear() |> ignore
                publish request.Header "stream" (fields [ "name", text stream; "text", text written ])

        let show (output: CellOutput) =
            lock pending (fun () ->
                match output with
                | CellOutput.Stream(name, written) ->
                    if name <> stream then
                        flush ()
                        stream <- name

                    pending.Append written |> ignore

                    if pending.Length > 4096 then
                        flush ()
                | CellOutput.Shown bundle ->
                    flush ()

                    publish
                        request.Header
                        "display_data"
                        (fields
                            [
                                "data", NotebookJson.data false bundle
                                "metadata", JsonObject()
                                "transient", JsonObject()
                            ])
                | CellOutput.Value bundle ->
                    flush ()

                    if not isSilent then
                        publish
                            request.Header
                            "execute_result"
                            (fields
                                [
                                    "execution_count", number counted
                                    "data", NotebookJson.data false bundle
                                    "metadata", JsonObject()
                                ])
                | CellOutput.Fault(name, said, trace) ->
                    flush ()

                    let content () =
                        fields
                            [
                                "ename", text name
                                "evalue", text said
                                "traceback", JsonArray(trace |> Array.map text)
                            ]

                    fault <- Some(content ())
                    publish request.Header "error" (content ()))

        use _ = new Timer((fun _ -> lock pending flush), null, 100, 100)

        let isDone = cells.RunAsync(counted, standard, code, show).GetAwaiter().GetResult()

        lock pending flush

        let answer =
            match fault with
            | Some content -> content
            | None -> JsonObject()

        answer["status"] <- text (if isDone then "ok" else "error")
        answer["execution_count"] <- number counted

        if isDone then
            answer["user_expressions"] <- JsonObject()
            answer["payload"] <- JsonArray()
        elif isTrue "stop_on_error" true request.Content then
            abortUntil <- Interlocked.Read &received

        reply peer request "execute_reply" answer

    let ask (request: JupyterMessage) fsharpAnswer csharpAnswer none =
        let code = field "code" request.Content

        let cursor =
            match request.Content["cursor_pos"] with
            | null -> code.Length
            | given -> CellText.toUnits code (given.GetValue<int>())

        let language, start = CellText.languageAt standard code cursor
        let own = code.Substring start

        let answer =
            cells
                .AskAsync(
                    language,
                    (fun kernel -> fsharpAnswer kernel own (cursor - start)),
                    (fun kernel -> csharpAnswer kernel own (cursor - start)),
                    none
                )
                .GetAwaiter()
                .GetResult()

        code, start, cursor, answer

    let complete (request: JupyterMessage) =
        let none = { Matches = [||]; Start = 0; End = 0 }

        let code, start, cursor, found =
            ask
                request
                (fun kernel text cursor -> kernel.Complete(text, cursor))
                (fun kernel text cursor -> kernel.Complete(text, cursor))
                none

        let first, last =
            if found = none then
                cursor, cursor
            else
                start + found.Start, start + found.End

        fields
            [
                "status", text "ok"
                "matches", JsonArray(found.Matches |> Array.map text)
                "cursor_start", number (CellText.toPoints code first)
                "cursor_end", number (CellText.toPoints code last)
                "metadata", JsonObject()
            ]

    let inspect (request: JupyterMessage) =
        let _, _, _, (found: string | null) =
            ask
                request
                (fun kernel text cursor -> kernel.Inspect(text, cursor))
                (fun kernel text cursor -> kernel.Inspect(text, cursor))
                null

        let data = JsonObject()

        match found with
        | null -> ()
        | said -> data["text/plain"] <- text said

        fields
            [
                "status", text "ok"
                "found", JsonValue.Create(not (isNull found))
                "data", data
                "metadata", JsonObject()
            ]

    let isComplete (request: JupyterMessage) =
        let _, _, _, isWhole =
            ask request (fun kernel text _ -> kernel.IsComplete text) (fun kernel text _ -> kernel.IsComplete text) true

        fields
            [
                "status", text (if isWhole then "complete" else "incomplete")
                "indent", text ""
            ]

    let shutDown (peer: ZmtpPeer) (request: JupyterMessage) =
        let restart = JsonValue.Create(isTrue "restart" false request.Content)
        reply peer request "shutdown_reply" (fields [ "status", text "ok"; "restart", restart ])
        ended.TrySetResult() |> ignore

    let answer (peer: ZmtpPeer) (request: JupyterMessage) =
        let respond content =
            reply peer request (request.Type.Replace("_request", "_reply")) content

        match request.Type with
        | "kernel_info_request" -> respond (info ())
        | "execute_request" -> execute peer request
        | "complete_request" -> respond (complete request)
        | "inspect_request" -> respond (inspect request)
        | "is_complete_request" -> respond (isComplete request)
        | "history_request" -> respond (fields [ "status", text "ok"; "history", JsonArray() ])
        | "comm_info_request" -> respond (fields [ "status", text "ok"; "comms", JsonObject() ])
        | "interrupt_request" ->
            cells.Interrupt()
            respond (fields [ "status", text "ok" ])
        | "shutdown_request" -> shutDown peer request
        | other when other.EndsWith("_request", StringComparison.Ordinal) ->
            respond (
                fields
                    [
                        "status", text "error"
                        "ename", text "NotSupported"
                        "evalue", text $"This kernel has no {other}."
                        "traceback", JsonArray()
                    ]
            )
        | _ -> ()

    let handle (peer: ZmtpPeer) (request: JupyterMessage) =
        status request.Header "busy"

        try
            try
                answer peer request
            with failure ->
                eprintfn "%s: %s" request.Type failure.Message
        finally
            status request.Header "idle"

    let onShell (peer: ZmtpPeer) (frames: byte[][]) =
        match JupyterMessage.tryParse connection.Key frames with
        | None -> ()
        | Some request ->
            Interlocked.Increment &received |> ignore
            requests.Add((peer, request))

    // The control channel does not wait for cells.
    let onControl (peer: ZmtpPeer) (frames: byte[][]) =
        match JupyterMessage.tryParse connection.Key frames with
        | None -> ()
        | Some request -> handle peer request

    let serve () =
        let mutable handled = 0L

        for peer, request in requests.GetConsumingEnumerable() do
            handled <- handled + 1L

            if request.Type = "execute_request" && handled <= abortUntil then
                status request.Header "busy"

                reply
                    peer
                    request
                    "execute_reply"
                    (fields [ "status", text "aborted"; "execution_count", number count ])

                status request.Header "idle"
            else
                handle peer request

    member private _.RunAsync(cancellation: CancellationToken) : Task =
        task {
            use _ = new ZmtpServer("ROUTER", IPEndPoint(address, connection.Shell), onShell)
            use _ = new ZmtpServer("ROUTER", IPEndPoint(address, connection.Control), onControl)
            // Nothing is ever asked of the user; the socket is there because clients connect to it.
            use _ =
                new ZmtpServer("ROUTER", IPEndPoint(address, connection.Stdin), (fun _ _ -> ()))

            use _ =
                new ZmtpServer(
                    "REP",
                    IPEndPoint(address, connection.Heartbeat),
                    (fun peer frames -> peer.Send(Zmtp.message frames))
                )

            use _ =
                PosixSignalRegistration.Create(
                    PosixSignal.SIGINT,
                    fun signal ->
                        signal.Cancel <- true
                        cells.Interrupt()
                )

            use _ = cancellation.Register(fun () -> ended.TrySetResult() |> ignore)
            // Whoever started it may die without a word.
            use _ =
                new Timer(
                    (fun _ ->
                        if KernelParent.hasEnded () then
                            ended.TrySetResult() |> ignore),
                    null,
                    2000,
                    2000
                )

            Thread(serve, IsBackground = true, Name = "shell").Start()
            status (JsonObject()) "starting"
            do! ended.Task
            // What was answered last is on its way.
            do! Task.Delay 100
            (cells :> IDisposable).Dispose()
            (iopub :> IDisposable).Dispose()
        }

    /// Serves until it is asked to shut down. `connectionFile` is the one that Jupyter writes; cells that name no language are
    /// of `language`; `version` is this program's.
    /// Raises ScriptException for a connection that it does not know.
    [<CompiledName "RunAsync">]
    static member RunAsync
        (connectionFile: string, language: CellLanguage, version: string, cancellation: CancellationToken)
        : Task =
        JupyterKernel(Connection.parse (File.ReadAllText connectionFile), language, version).RunAsync cancellation
