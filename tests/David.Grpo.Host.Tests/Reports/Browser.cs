using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace David.Grpo.Host.Tests.Reports;

/// <summary>A headless Chromium with one page, driven by the Chrome DevTools Protocol.</summary>
internal sealed class Browser : IAsyncDisposable
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "chrome"];

    private readonly Process _process;
    private readonly string _profile;
    private readonly ClientWebSocket _socket = new();
    private int _calls;

    private Browser(Process process, string profile) => (_process, _profile) = (process, profile);

    /// <summary>What the page said on its console as an error or a warning, and what it threw.</summary>
    public List<string> Complaints { get; } = [];

    /// <summary>Starts it; skips the running test where there is none.</summary>
    public static async Task<Browser> StartAsync()
    {
        string? program = Names
            .SelectMany(name =>
                (Environment.GetEnvironmentVariable("PATH") ?? "")
                    .Split(':')
                    .Select(folder => Path.Combine(folder, name))
            )
            .FirstOrDefault(File.Exists);
        Assert.SkipUnless(program is not null, "needs Chromium, which is not here (Debian: apt-get install chromium)");
        string profile = Directory.CreateTempSubdirectory("david-browser-").FullName;
        ProcessStartInfo start = new(program!)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            ArgumentList =
            {
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-extensions",
                "--disable-background-networking",
                "--no-first-run",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
                $"--user-data-dir={profile}",
                "about:blank",
            },
        };
        Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        Browser browser = new(process, profile);
        try
        {
            await browser.ConnectAsync();
            return browser;
        }
        catch
        {
            await browser.DisposeAsync();
            throw;
        }
    }

    /// <summary>Opens a page of a size in CSS pixels and waits until it is loaded.</summary>
    public async Task OpenAsync(string url, int width, int height, bool isDark = false)
    {
        await CallAsync(
            "Emulation.setDeviceMetricsOverride",
            new
            {
                width,
                height,
                deviceScaleFactor = 1,
                mobile = width < 500,
            }
        );
        await CallAsync(
            "Emulation.setEmulatedMedia",
            new { features = new[] { new { name = "prefers-color-scheme", value = isDark ? "dark" : "light" } } }
        );
        // A blank page between, so that an address that differs in its fragment alone is loaded too.
        await CallAsync("Page.navigate", new { url = "about:blank" });
        await CallAsync("Page.navigate", new { url });
        await UntilAsync("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// <summary>The value of a script.</summary>
    public async Task<T> EvaluateAsync<T>(string script)
    {
        JsonNode answer = await CallAsync(
            "Runtime.evaluate",
            new
            {
                expression = script,
                awaitPromise = true,
                returnByValue = true,
            }
        );
        if (answer["exceptionDetails"] is { } thrown)
            throw new InvalidOperationException($"{script} threw {thrown.ToJsonString()}");
        return answer["result"]!["value"].Deserialize<T>()!;
    }

    /// <summary>Waits until a script is true; at most ten seconds.</summary>
    public async Task UntilAsync(string script)
    {
        Stopwatch clock = Stopwatch.StartNew();
        while (!await EvaluateAsync<bool>($"Boolean({script})"))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"ten seconds passed, and not yet {script}");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Presses and releases a key, by its name in events: "j", "ArrowDown", "/".</summary>
    public async Task PressAsync(string key)
    {
        bool isText = key.Length == 1;
        await CallAsync(
            "Input.dispatchKeyEvent",
            new
            {
                type = isText ? "keyDown" : "rawKeyDown",
                key,
                text = isText ? key : "",
            }
        );
        await CallAsync("Input.dispatchKeyEvent", new { type = "keyUp", key });
    }

    /// <summary>Types into what has the focus.</summary>
    public Task TypeAsync(string text) => CallAsync("Input.insertText", new { text });

    /// <summary>Bytes of the page's live objects.</summary>
    public async Task<double> HeapAsync()
    {
        await CallAsync("HeapProfiler.collectGarbage", new { });
        return (await CallAsync("Runtime.getHeapUsage", new { }))["usedSize"]!.GetValue<double>();
    }

    /// <summary>
    /// Leaves a picture of the page where the environment variable DAVID_SCREENSHOTS names a folder, to be looked at.
    /// </summary>
    public async Task ShowAsync(string name)
    {
        if (Environment.GetEnvironmentVariable("DAVID_SCREENSHOTS") is not { Length: > 0 } folder)
            return;
        JsonNode picture = await CallAsync("Page.captureScreenshot", new { format = "png" });
        Directory.CreateDirectory(folder);
        await File.WriteAllBytesAsync(
            Path.Combine(folder, name + ".png"),
            Convert.FromBase64String(picture["data"]!.GetValue<string>()),
            TestContext.Current.CancellationToken
        );
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        for (int attempt = 0; attempt < 20; attempt++)
            try
            {
                Directory.Delete(_profile, recursive: true);
                return;
            }
            catch (IOException)
            {
                await Task.Delay(50); // a process of it is still ending
            }
    }

    private async Task ConnectAsync()
    {
        string portFile = Path.Combine(_profile, "DevToolsActivePort");
        Stopwatch clock = Stopwatch.StartNew();
        string[] lines = [];
        while (lines.Length < 2)
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), "Chromium did not start within 30 seconds");
            await Task.Delay(50, TestContext.Current.CancellationToken);
            lines = File.Exists(portFile) ? await File.ReadAllLinesAsync(portFile) : [];
        }
        using HttpClient http = new();
        JsonArray targets = [];
        while (targets.Count == 0)
        {
            string list = await http.GetStringAsync(
                $"http://127.0.0.1:{lines[0]}/json/list",
                TestContext.Current.CancellationToken
            );
            targets =
            [
                .. JsonNode
                    .Parse(list)!
                    .AsArray()
                    .Where(target => target!["type"]!.GetValue<string>() == "page")
                    .Select(target => target!.DeepClone()),
            ];
        }
        await _socket.ConnectAsync(
            new Uri(targets[0]!["webSocketDebuggerUrl"]!.GetValue<string>()),
            TestContext.Current.CancellationToken
        );
        foreach (string domain in (string[])["Page", "Runtime", "Log"])
            await CallAsync($"{domain}.enable", new { });
    }

    private async Task<JsonNode> CallAsync(string method, object parameters)
    {
        int id = ++_calls;
        await _socket.SendAsync(
            JsonSerializer.SerializeToUtf8Bytes(
                new
                {
                    id,
                    method,
                    @params = parameters,
                }
            ),
            WebSocketMessageType.Text,
            endOfMessage: true,
            TestContext.Current.CancellationToken
        );
        while (true)
        {
            JsonNode message = await ReceiveAsync();
            if (message["id"]?.GetValue<int>() == id)
                return message["result"]
                    ?? throw new InvalidOperationException($"{method}: {message["error"]!.ToJsonString()}");
            Note(message);
        }
    }

    private void Note(JsonNode message)
    {
        JsonNode? details = message["params"];
        string? complaint = message["method"]?.GetValue<string>() switch
        {
            "Runtime.exceptionThrown" => details!["exceptionDetails"]!.ToJsonString(),
            "Runtime.consoleAPICalled" when details!["type"]!.GetValue<string>() is "error" or "warning" => details[
                "args"
            ]!.ToJsonString(),
            "Log.entryAdded" when details!["entry"]!["level"]!.GetValue<string>() is "error" or "warning" => details[
                "entry"
            ]!.ToJsonString(),
            _ => null,
        };
        if (complaint is not null)
            Complaints.Add(complaint);
    }

    private async Task<JsonNode> ReceiveAsync()
    {
        using MemoryStream text = new();
        byte[] buffer = new byte[65536];
        WebSocketReceiveResult received;
        do
        {
            received = await _socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
            text.Write(buffer, 0, received.Count);
        } while (!received.EndOfMessage);
        return JsonNode.Parse(Encoding.UTF8.GetString(text.ToArray()))!;
    }
}
