using David.Grpo.Models;

namespace David.Grpo.Host.Tests.Models;

public sealed class PrefixTreeTests
{
    private const int Shortest = PrefixTree.ShortestShare;

    [Fact]
    public void EverySequence_IsReadBackFromItsPath()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            int[][] sequences = RandomForest.Sequences(new Random(seed));
            PrefixTree tree = new(sequences);
            for (int i = 0; i < sequences.Length; i++)
            {
                int[] places = tree.Place(i).ToArray();
                Assert.Equal(sequences[i], places.Select(place => tree.Tokens[place]));
                Assert.Equal(Enumerable.Range(0, sequences[i].Length), places.Select(place => tree.Positions[place]));

                // The runs from the root to the last token, end to end, are the sequence.
                List<PrefixTree.Node> path = [];
                int last = places[^1];
                int node = Enumerable
                    .Range(0, tree.Nodes.Count)
                    .Single(n => tree.Nodes[n].Start <= last && last < tree.Nodes[n].Start + tree.Nodes[n].Length);
                for (int at = node; at >= 0; at = tree.Nodes[at].Parent)
                    path.Insert(0, tree.Nodes[at]);
                Assert.Equal(places, path.SelectMany(run => Enumerable.Range(run.Start, run.Length)));
            }
        }
    }

    [Fact]
    public void Runs_FollowEachOther_AndParentsStandBefore()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            PrefixTree tree = new(RandomForest.Sequences(new Random(seed)));
            int end = 0;
            for (int i = 0; i < tree.Nodes.Count; i++)
            {
                Assert.Equal(end, tree.Nodes[i].Start);
                Assert.True(tree.Nodes[i].Length >= 1);
                Assert.InRange(tree.Nodes[i].Parent, -1, i - 1);
                end += tree.Nodes[i].Length;
            }
            Assert.Equal(tree.Tokens.Length, end);
            Assert.Equal(tree.Tokens.Length, tree.Positions.Length);
        }
    }

    [Fact]
    public void SharedRuns_AreLongEnough_AndLongPrefixesAreShared()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            int[][] sequences = RandomForest.Sequences(new Random(seed));
            PrefixTree tree = new(sequences);
            foreach (PrefixTree.Node run in tree.Nodes)
            {
                int users = Enumerable.Range(0, sequences.Length).Count(i => tree.Place(i).Contains(run.Start));
                Assert.True(users == 1 || run.Length >= Shortest, $"{users} sequences share {run.Length} tokens");
            }
            // Two sequences with a common beginning of n tokens share all but what is too short beside other branches.
            for (int i = 0; i < sequences.Length; i++)
            for (int j = 0; j < i; j++)
            {
                int common = sequences[i].AsSpan().CommonPrefixLength(sequences[j]);
                int shared = tree.Place(i).CommonPrefixLength(tree.Place(j));
                Assert.InRange(shared, 0, common);
                if (sequences.Length == 2)
                    Assert.Equal(common >= Shortest ? common : 0, shared);
            }
        }
    }

    [Theory]
    [InlineData(Shortest - 1, 2 * (Shortest - 1 + 5))]
    [InlineData(Shortest, Shortest + 2 * 5)]
    [InlineData(Shortest + 1, Shortest + 1 + 2 * 5)]
    public void APrefix_IsSharedFromTheShortestShareOn(int prefix, int expectedTokens)
    {
        int[] common = [.. Enumerable.Range(10, prefix)];
        int[][] sequences =
        [
            [.. common, 1, 1, 1, 1, 1],
            [.. common, 2, 2, 2, 2, 2],
        ];
        Assert.Equal(expectedTokens, new PrefixTree(sequences).Tokens.Length);
    }

    [Fact]
    public void IdenticalSequences_StandOnce()
    {
        int[] sequence = [.. Enumerable.Range(3, 20)];
        PrefixTree tree = new([sequence, [.. sequence], [.. sequence]]);
        Assert.Equal(sequence, tree.Tokens.ToArray());
        Assert.Single(tree.Nodes);
        Assert.Equal(tree.Place(0).ToArray(), tree.Place(2).ToArray());
    }

    [Fact]
    public void ASequenceThatIsAPrefixOfAnother_StandsInside()
    {
        int[] longer = [.. Enumerable.Range(3, 30)];
        PrefixTree tree = new([longer[..12], longer]);
        Assert.Equal(longer, tree.Tokens.ToArray());
        Assert.Equal(2, tree.Nodes.Count);
    }

    [Fact]
    public void SequencesOfOneToken_StandApart()
    {
        PrefixTree tree = new([
            [5],
            [5],
            [6],
        ]);
        Assert.Equal([5, 5, 6], tree.Tokens.ToArray());
        Assert.Equal([0, 0, 0], tree.Positions.ToArray());
        Assert.Equal(3, tree.Nodes.Count);
    }

    [Fact]
    public void NoSequences_GiveAnEmptyPack()
    {
        PrefixTree tree = new([]);
        Assert.Equal(0, tree.Tokens.Length);
        Assert.Empty(tree.Nodes);
    }
}
