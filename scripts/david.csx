// What every script of this folder begins with:
//     #load "david.csx"
// `global using` reaches the script that loads this file, also under `dotnet script`; a plain `using` would not.
#r "../.build/lib/FSharp.Core.dll"
#r "../.build/lib/David.Grpo.Core.dll"
#r "../.build/lib/David.Grpo.Figures.dll"
#r "../.build/lib/David.Grpo.Host.dll"

global using System.Globalization;
global using System.Threading;
global using David.Grpo;
global using David.Grpo.Figures;
global using David.Grpo.Formats;
global using David.Grpo.Models;
global using David.Grpo.Rollout;
global using David.Grpo.Search;
global using David.Grpo.Tensors;
global using David.Grpo.Tokenization;
global using David.Grpo.Training;
// F# modules that share their name with a type.
global using Aggregations = David.Grpo.AggregationModule;
global using Costs = David.Grpo.CostModule;
// Formats has one too.
global using ElementType = David.Grpo.Tensors.ElementType;
global using ImportanceWeights = David.Grpo.ImportanceWeightModule;
global using Ledgers = David.Grpo.LedgerModule;
global using Mismatches = David.Grpo.MismatchModule;
global using PriceControls = David.Grpo.PriceControlModule;
global using Schedules = David.Grpo.ScheduleModule;
global using Seeds = David.Grpo.SeedModule;
global using Trajectories = David.Grpo.TrajectoryModule;
global using Whitenings = David.Grpo.WhiteningModule;
