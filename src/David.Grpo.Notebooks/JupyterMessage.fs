namespace David.Grpo.Notebooks

open System
open System.Diagnostics
open System.Security.Cryptography
open System.Text
open System.Text.Json
open System.Text.Json.Nodes

/// Where a kernel's sockets are bound and how messages are signed: the connection file that Jupyter writes.
type internal Connection =
    {
        Ip: string
        Key: byte[]
        Shell: int
        Control: int
        Stdin: int
        Iopub: int
        Heartbeat: int
    }

[<RequireQualifiedAccess>]
module internal Connection =

    /// Raises ScriptException for a file that is no connection file, or asks for what is not there.
    let parse (json: string) : Connection =
        let fields =
            match JsonNode.Parse json with
            | :? JsonObject as fields -> fields
            | _ -> raise (ScriptException "The connection file is no JSON object.")

        let field (name: string) : JsonNode =
            match fields[name] with
            | null -> raise (ScriptException $"The connection file has no '{name}'.")
            | found -> found

        let word name = (field name).GetValue<string>()
        let number name = (field name).GetValue<int>()

        if word "transport" <> "tcp" then
            let transport = word "transport"
            raise (ScriptException $"The connection's transport is '{transport}'; only tcp is known.")

        if word "key" <> "" && word "signature_scheme" <> "hmac-sha256" then
            let scheme = word "signature_scheme"
            raise (ScriptException $"The connection's signature_scheme is '{scheme}'; only hmac-sha256 is known.")

        {
            Ip = word "ip"
            Key = Encoding.UTF8.GetBytes(word "key")
            Shell = number "shell_port"
            Control = number "control_port"
            Stdin = number "stdin_port"
            Iopub = number "iopub_port"
            Heartbeat = number "hb_port"
        }

/// A message of Jupyter's protocol.
type internal JupyterMessage =
    {
        /// Frames before the delimiter: routes, or a topic.
        Route: byte[][]
        Header: JsonObject
        Parent: JsonObject
        Content: JsonObject
    }

    member message.Type: string =
        match message.Header["msg_type"] with
        | null -> ""
        | found -> found.GetValue<string>()

/// Messages as frames, signed. Source: jupyter-client.readthedocs.io, "Messaging in Jupyter", version 5.3.
[<RequireQualifiedAccess>]
module internal JupyterMessage =

    let version = "5.3"

    let private delimiter = "<IDS|MSG>"B

    /// The signature of header, parent, metadata and content: HMAC-SHA256 in lower-case hexadecimal; empty without a key.
    let sign (key: byte[]) (parts: byte[][]) : string =
        if Array.isEmpty key then
            ""
        else
            use hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key)

            for part in parts do
                hash.AppendData part

            hash.GetHashAndReset() |> Convert.ToHexStringLower

    let private bytes (node: JsonObject) =
        Encoding.UTF8.GetBytes(node.ToJsonString())

    let toFrames (key: byte[]) (message: JupyterMessage) : byte[][] =
        let parts =
            [| bytes message.Header; bytes message.Parent; "{}"B; bytes message.Content |]

        Array.concat
            [
                message.Route
                [| delimiter; Encoding.ASCII.GetBytes(sign key parts) |]
                parts
            ]

    /// None for frames that are no message or whose signature is wrong.
    let tryParse (key: byte[]) (frames: byte[][]) : JupyterMessage option =
        match frames |> Array.tryFindIndex (fun frame -> frame.AsSpan().SequenceEqual delimiter) with
        | Some at when frames.Length >= at + 6 ->
            let parts = frames[at + 2 .. at + 5]
            let expected = Encoding.ASCII.GetBytes(sign key parts)

            if not (CryptographicOperations.FixedTimeEquals(expected, frames[at + 1])) then
                None
            else
                try
                    let node (part: byte[]) =
                        match JsonNode.Parse part with
                        | :? JsonObject as fields -> fields
                        | _ -> JsonObject()

                    Some
                        {
                            Route = frames[.. at - 1]
                            Header = node parts[0]
                            Parent = node parts[1]
                            Content = node parts[3]
                        }
                with :? JsonException ->
                    None
        | _ -> None

    let private header (session: string) (messageType: string) =
        let fields = JsonObject()
        fields["msg_id"] <- JsonValue.Create(Guid.NewGuid().ToString "N")
        fields["session"] <- JsonValue.Create session
        fields["username"] <- JsonValue.Create "kernel"
        fields["date"] <- JsonValue.Create(DateTime.UtcNow.ToString "yyyy-MM-ddTHH:mm:ss.ffffffZ")
        fields["msg_type"] <- JsonValue.Create messageType
        fields["version"] <- JsonValue.Create version
        fields

    /// A message of this kernel in answer to another; `parent` is that one's header, empty for none.
    let create
        (session: string)
        (messageType: string)
        (route: byte[][])
        (parent: JsonObject)
        (content: JsonObject)
        : JupyterMessage =
        {
            Route = route
            Header = header session messageType
            Parent = parent.DeepClone() :?> JsonObject
            Content = content
        }

/// The Jupyter that started this kernel.
module internal KernelParent =

    /// Whether it is gone; it gives its own process in JPY_PARENT_PID.
    let hasEnded () =
        match Int32.TryParse(Environment.GetEnvironmentVariable "JPY_PARENT_PID") with
        | true, parent when parent > 1 ->
            try
                use running = Process.GetProcessById parent
                running.HasExited
            with :? ArgumentException ->
                true
        | _ -> false
