"""Drives the installed kernel as Jupyter does: drive_kernel.py FOLDER, whose David.Grpo assemblies the cells refer to.

Prints one JSON object: what each request was answered.
"""

import json
import sys
import time

from jupyter_client.manager import KernelManager

manager = KernelManager(kernel_name="david-fsharp")
manager.start_kernel()
client = manager.client()
client.start_channels()
answers = {}


def execute(name, code, interrupt_after=None):
    request = client.execute(code)
    shown, interrupt_at = {}, None
    end = time.time() + 30
    while time.time() < end:
        if interrupt_at and time.time() > interrupt_at:
            manager.interrupt_kernel()
            interrupt_at = None
        try:
            message = client.get_iopub_msg(timeout=0.1)
        except Exception:  # queue.Empty or a timeout, by version
            continue
        if message["parent_header"].get("msg_id") != request:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] == "idle":
            break
        if kind == "stream":
            shown[content["name"]] = shown.get(content["name"], "") + content["text"]
            if interrupt_after:
                # The cell has said that it runs.
                interrupt_at = time.time() + interrupt_after
        elif kind in ("execute_result", "display_data"):
            shown[kind] = content["data"]
        elif kind == "error":
            shown["error"] = content["evalue"]
    else:
        answers[name] = {"status": "no answer"}
        return
    shown["status"] = client.get_shell_msg(timeout=5)["content"]["status"]
    answers[name] = shown


def ask(name, send):
    request = send()
    while True:
        reply = client.get_shell_msg(timeout=20)
        if reply["parent_header"].get("msg_id") == request:
            answers[name] = reply["content"]
            return


try:
    client.wait_for_ready(timeout=30)
    execute("fsharp", "let x = 20\nprintfn \"x is %d\" x\nx + 1")
    execute("csharp", "#!csharp\n#!share --from fsharp x\nConsole.WriteLine($\"x is {x}\");\nx * 2")
    execute(
        "figure",
        f'#r "{sys.argv[1]}/David.Grpo.Figures.dll"\n'
        "open David.Grpo.Figures\n"
        'let curve = Curve.Line("David-GRPO", [| 1.0; 2.0 |], [| 0.1; 0.4 |])\n'
        'let panel = Panel.Curves("EM", Axis.Linear("rollouts", ""), Axis.Linear("EM", ""), [| curve |])\n'
        'Figure.Column("Learning", "", [| panel |])',
    )
    execute("fault", "let a = 1\n(failwith \"no\": unit)")
    execute("endless fsharp", 'printfn "runs"\nwhile true do ()', interrupt_after=0.3)
    execute("endless csharp", '#!csharp\nConsole.WriteLine("runs");\nwhile (true) { }', interrupt_after=0.3)
    execute("asleep", '#!csharp\nConsole.WriteLine("runs");\nThread.Sleep(100000);', interrupt_after=0.3)
    execute("afterwards", "x + 2")
    ask("complete fsharp", lambda: client.complete("System.Math.Sq"))
    ask("complete csharp", lambda: client.complete("#!csharp\nMath.Sq"))
    ask("inspect", lambda: client.inspect("x", 1))
    ask("whole", lambda: client.is_complete("let y = 1"))
    ask("unfinished", lambda: client.is_complete("let y ="))
    ask("unfinished csharp", lambda: client.is_complete("#!csharp\nif (true) {"))
    failing, queued = client.execute("(failwith \"stop\": unit)"), client.execute("1")
    statuses = {}
    while len(statuses) < 2:
        reply = client.get_shell_msg(timeout=20)
        statuses[reply["parent_header"]["msg_id"]] = reply["content"]["status"]
    answers["queued"] = [statuses[failing], statuses[queued]]
    client.shutdown()
    end = time.time() + 10
    while manager.is_alive() and time.time() < end:
        time.sleep(0.05)
    answers["is alive"] = manager.is_alive()
finally:
    manager.shutdown_kernel(now=True)
    client.stop_channels()

json.dump(answers, sys.stdout)
