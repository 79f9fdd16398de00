using System.CommandLine;
using David.Grpo.Cli.Commands;

RootCommand root = new("Teaches small language models to search, on a small budget.");
root.Subcommands.Add(TrainCommand.Create());
root.Subcommands.Add(EvalCommand.Create());
root.Subcommands.Add(ExportCommand.Create());
return await root.Parse(args).InvokeAsync();
