using David.Grpo.Models;

namespace David.Grpo.Host.Tests.Models;

/// <summary>Sequences with common beginnings of all lengths around <see cref="PrefixTree.ShortestShare"/>.</summary>
internal static class RandomForest
{
    /// <summary>1 to 9 sequences of 1 to some 50 tokens in [3, 60], some equal, some a beginning of another.</summary>
    public static int[][] Sequences(Random random)
    {
        List<int[]> sequences = [];
        int count = random.Next(1, 10);
        while (sequences.Count < count)
        {
            int[] own = [.. Enumerable.Range(0, random.Next(1, 24)).Select(_ => random.Next(3, 61))];
            if (sequences.Count == 0 || random.Next(4) == 0)
            {
                sequences.Add(own);
                continue;
            }
            int[] parent = sequences[random.Next(sequences.Count)];
            sequences.Add(
                random.Next(6) switch
                {
                    0 => [.. parent],
                    1 => parent[..random.Next(1, parent.Length + 1)],
                    _ => [.. parent[..random.Next(parent.Length + 1)], .. own],
                }
            );
        }
        return [.. sequences];
    }
}
