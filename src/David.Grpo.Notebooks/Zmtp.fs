namespace David.Grpo.Notebooks

open System
open System.Buffers.Binary
open System.Collections.Concurrent
open System.IO
open System.Net
open System.Net.Sockets
open System.Text
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks

/// ZeroMQ's wire protocol, ZMTP 3.0 with the NULL mechanism: as much as a Jupyter kernel's end of a socket needs.
/// Source: rfc.zeromq.org/spec/23.
[<RequireQualifiedAccess>]
module internal Zmtp =

    let private more = 0x01uy
    let private long = 0x02uy
    let private command = 0x04uy

    /// Longer frames are taken for a stranger's noise.
    let private longest = 1L <<< 30

    /// The 64 bytes that open a connection: signature, version 3.0, mechanism NULL, as no server.
    let greeting: byte[] =
        let bytes = Array.zeroCreate<byte> 64
        bytes[0] <- 0xFFuy
        bytes[8] <- 1uy
        bytes[9] <- 0x7Fuy
        bytes[10] <- 3uy
        "NULL"B.CopyTo(bytes, 12)
        bytes

    /// Raises InvalidDataException for a greeting of another protocol, an old version or another mechanism.
    let checkGreeting (bytes: byte[]) : unit =
        if bytes[0] <> 0xFFuy || bytes[9] <> 0x7Fuy then
            raise (InvalidDataException "The peer does not speak ZMTP.")

        if bytes[10] < 3uy then
            raise (InvalidDataException $"The peer speaks ZMTP {bytes[10]}; 3 or later is needed.")

        if Encoding.ASCII.GetString(bytes, 12, 20).TrimEnd('\000') <> "NULL" then
            raise (InvalidDataException "The peer asks for a security mechanism; only NULL is known.")

    /// A frame as it goes over the wire.
    let frame (flags: byte) (body: byte[]) : byte[] =
        if body.Length < 256 then
            Array.concat [ [| flags; byte body.Length |]; body ]
        else
            let size = Array.zeroCreate<byte> 8
            BinaryPrimitives.WriteInt64BigEndian(size, int64 body.Length)
            Array.concat [ [| flags ||| long |]; size; body ]

    /// A message of several frames.
    let message (frames: byte[][]) : byte[] =
        frames
        |> Array.mapi (fun i body -> frame (if i < frames.Length - 1 then more else 0uy) body)
        |> Array.concat

    /// The READY command of a socket type.
    let ready (socketType: string) : byte[] =
        let property (name: string) (value: byte[]) =
            let size = Array.zeroCreate<byte> 4
            BinaryPrimitives.WriteInt32BigEndian(size, value.Length)
            Array.concat [ [| byte name.Length |]; Encoding.ASCII.GetBytes name; size; value ]

        Array.concat
            [
                [| 5uy |]
                "READY"B
                property "Socket-Type" (Encoding.ASCII.GetBytes socketType)
                property "Identity" [||]
            ]
        |> frame command

    /// A frame's flags and body.
    let readFrame (stream: Stream) (cancellation: CancellationToken) : Task<struct (byte * byte[])> =
        task {
            let head = Array.zeroCreate<byte> 1
            do! stream.ReadExactlyAsync(head, cancellation)
            let size = Array.zeroCreate<byte>(if head[0] &&& long <> 0uy then 8 else 1)
            do! stream.ReadExactlyAsync(size, cancellation)

            let length =
                if size.Length = 8 then
                    BinaryPrimitives.ReadInt64BigEndian size
                else
                    int64 size[0]

            if length < 0L || length > longest then
                raise (InvalidDataException $"A frame of {length} bytes is too long.")

            let body = Array.zeroCreate<byte>(int length)
            do! stream.ReadExactlyAsync(body, cancellation)
            return struct (head[0], body)
        }

    /// The frames of the next message. Commands in between are heard: PING gets its PONG.
    let readMessage (stream: Stream) (answer: byte[] -> unit) (cancellation: CancellationToken) : Task<byte[][]> =
        task {
            let frames = ResizeArray<byte[]>()
            let mutable isOpen = true

            while isOpen do
                let! struct (flags, body) = readFrame stream cancellation

                if flags &&& command <> 0uy then
                    if body.AsSpan().StartsWith("\004PING"B) then
                        answer (frame command (Array.append "\004PONG"B body[min 7 body.Length ..]))
                else
                    frames.Add body
                    isOpen <- flags &&& more <> 0uy

            return frames.ToArray()
        }

/// One peer of a socket. What is sent waits in line, so that a slow peer stops nobody.
[<Sealed>]
type internal ZmtpPeer(client: TcpClient) =
    let outgoing = Channel.CreateUnbounded<byte[]>()
    let subscriptions = ConcurrentDictionary<string, bool>()

    member _.Send(bytes: byte[]) : unit =
        outgoing.Writer.TryWrite bytes |> ignore

    member _.Complete() : unit = outgoing.Writer.TryComplete() |> ignore
    member _.Stream: Stream = client.GetStream()
    member _.Close() : unit = client.Dispose()

    /// Subscriptions of a PUB socket's peer: a byte, then the beginning of topics.
    member _.Subscribe(frame: byte[]) : unit =
        if frame.Length > 0 then
            let topic = Convert.ToHexString frame[1..]

            match frame[0] with
            | 1uy -> subscriptions[topic] <- true
            | 0uy -> subscriptions.TryRemove topic |> ignore
            | _ -> ()

    member _.Wants(topic: byte[]) : bool =
        let topic = Convert.ToHexString topic
        subscriptions.Keys |> Seq.exists (fun start -> topic.StartsWith(start, StringComparison.Ordinal))

    member peer.PumpAsync(cancellation: CancellationToken) : Task =
        task {
            let mutable isOpen = true

            while isOpen do
                let! isMore = outgoing.Reader.WaitToReadAsync cancellation
                isOpen <- isMore

                if isMore then
                    let mutable bytes = [||]

                    while outgoing.Reader.TryRead(&bytes) do
                        do! peer.Stream.WriteAsync(bytes, cancellation)
        }

/// A bound socket: ROUTER, PUB or REP. Whatever a peer sends is given to `onMessage` with the peer.
[<Sealed>]
type internal ZmtpServer(socketType: string, endpoint: IPEndPoint, onMessage: ZmtpPeer -> byte[][] -> unit) =
    let listener = new TcpListener(endpoint)
    let stop = new CancellationTokenSource()
    let peers = ConcurrentDictionary<ZmtpPeer, bool>()

    let serve (client: TcpClient) =
        task {
            client.NoDelay <- true
            let peer = ZmtpPeer client

            try
                try
                    let stream = peer.Stream
                    do! stream.WriteAsync(Zmtp.greeting, stop.Token)
                    let greeting = Array.zeroCreate<byte> 64
                    do! stream.ReadExactlyAsync(greeting, stop.Token)
                    Zmtp.checkGreeting greeting
                    do! stream.WriteAsync(Zmtp.ready socketType, stop.Token)
                    let! _ = Zmtp.readFrame stream stop.Token
                    let pump = peer.PumpAsync stop.Token
                    peers[peer] <- true

                    while not pump.IsCompleted do
                        let! frames = Zmtp.readMessage stream peer.Send stop.Token

                        if socketType = "PUB" then
                            frames |> Array.iter peer.Subscribe
                        else
                            onMessage peer frames
                with
                // A peer that goes, or is no peer, is no fault of the kernel.
                | :? IOException
                | :? InvalidDataException
                | :? SocketException
                | :? ObjectDisposedException
                | :? OperationCanceledException -> ()
            finally
                peers.TryRemove peer |> ignore
                peer.Complete()
                peer.Close()
        }

    let accept () =
        task {
            try
                while not stop.IsCancellationRequested do
                    let! client = listener.AcceptTcpClientAsync stop.Token
                    serve client |> ignore
            with
            | :? OperationCanceledException
            | :? SocketException
            | :? ObjectDisposedException -> ()
        }

    do
        listener.Start()
        accept () |> ignore

    member _.Port: int =
        match listener.LocalEndpoint with
        | :? IPEndPoint as bound -> bound.Port
        | _ -> 0

    /// Sends to every peer that subscribed to the topic, the first frame.
    member _.Publish(frames: byte[][]) : unit =
        let bytes = Zmtp.message frames

        for peer in peers.Keys do
            if peer.Wants frames[0] then
                peer.Send bytes

    interface IDisposable with
        member _.Dispose() =
            stop.Cancel()
            listener.Stop()
