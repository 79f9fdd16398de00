using System.Buffers;

namespace David.Grpo.Tokenization;

/// <summary>
/// The merging of byte-pair encoding: as long as two neighbours of a word have a merge, those of the lowest rank, and of
/// these the leftmost, become one. O(n log n) in the bytes of a word. Source: Sennrich, Haddow and Birch
/// (arXiv 1508.07909), algorithm 1; over bytes as in GPT-2.
/// </summary>
internal sealed class BytePairMerges
{
    private const int None = -1;

    private readonly int[] byteIds = new int[256];
    private readonly Dictionary<long, (int Rank, int Id)> merges;

    public BytePairMerges(TokenizerDefinition definition)
    {
        for (int value = 0; value < 256; value++)
        {
            string letter = ByteAlphabet.Letter((byte)value).ToString();
            byteIds[value] = definition.Vocabulary.TryGetValue(letter, out int id) ? id : None;
            if (byteIds[value] == None && definition.NeedsEveryByte)
                throw new InvalidDataException(
                    $"{definition.Source}: model.unk_token is set and byte 0x{value:X2} has no token; unknown tokens are "
                        + "not supported. Use a byte-level BPE whose unk_token is null or whose vocabulary has all 256 bytes."
                );
        }
        merges = new(definition.Merges.Count);
        for (int rank = 0; rank < definition.Merges.Count; rank++)
        {
            (string left, string right) = definition.Merges[rank];
            int Id(string token) =>
                definition.Vocabulary.TryGetValue(token, out int id)
                    ? id
                    : throw new InvalidDataException(
                        $"{definition.Source}: merge {rank} is '{left}' + '{right}', but '{token}' is not in the vocabulary. "
                            + "Vocabulary and merges must be of the same model."
                    );
            merges.TryAdd(Pair(Id(left), Id(right)), (rank, Id(left + right)));
        }
    }

    /// <summary>Appends the ids of a word. Bytes without a token are dropped, and their neighbours can merge.</summary>
    public void Encode(ReadOnlySpan<byte> word, List<int> ids)
    {
        // A doubly linked list in arrays: [n] id (None once merged away), next and previous position.
        int[] rented = ArrayPool<int>.Shared.Rent(3 * word.Length);
        Span<int> id = rented.AsSpan(0, word.Length);
        Span<int> next = rented.AsSpan(word.Length, word.Length);
        Span<int> previous = rented.AsSpan(2 * word.Length, word.Length);
        int count = 0;
        foreach (byte value in word)
            if (byteIds[value] != None)
            {
                id[count] = byteIds[value];
                next[count] = count + 1;
                previous[count] = count - 1;
                count++;
            }

        PriorityQueue<int, long> queue = new(count); // position of the left part, by rank and then position
        for (int at = 0; at + 1 < count; at++)
            Offer(queue, at, id[at], id[at + 1]);
        while (queue.TryDequeue(out int at, out long priority))
        {
            int right = id[at] == None ? count : next[at];
            // An offer is stale once either part has merged elsewhere: the pair is then gone or of another rank.
            if (
                right >= count
                || !merges.TryGetValue(Pair(id[at], id[right]), out (int Rank, int Id) merge)
                || Priority(merge.Rank, at) != priority
            )
                continue;
            id[at] = merge.Id;
            id[right] = None;
            next[at] = next[right];
            if (next[at] < count)
            {
                previous[next[at]] = at;
                Offer(queue, at, id[at], id[next[at]]);
            }
            if (previous[at] >= 0)
                Offer(queue, previous[at], id[previous[at]], id[at]);
        }
        for (int at = 0; at < count; at = next[at])
            ids.Add(id[at]);
        ArrayPool<int>.Shared.Return(rented);
    }

    private void Offer(PriorityQueue<int, long> queue, int at, int left, int right)
    {
        if (merges.TryGetValue(Pair(left, right), out (int Rank, int Id) merge))
            queue.Enqueue(at, Priority(merge.Rank, at));
    }

    private static long Pair(int left, int right) => ((long)left << 32) | (uint)right;

    private static long Priority(int rank, int at) => ((long)rank << 32) | (uint)at;
}
