using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Data.Sqlite;

namespace David.Grpo.Search;

/// <summary>BM25 over a corpus, in an SQLite FTS5 index on disk.</summary>
/// <remarks>
/// <para>
/// A passage D scores Σ idf(w) · f (k₁ + 1) / (f + k₁ (1 − b + b |D| / mean |D|)) over the query's different words w
/// that are no stop words (all of them where there are only stop words), with k₁ = 1.2, b = 0.75,
/// idf(w) = ln((N − n + ½) / (n + ½)), at least 1e-6, and f the number of times that w stands in D, twice counted in the
/// title. Words are compared without case and diacritics and by their Porter stems (<c>porter unicode61</c>), and without
/// characters that nobody sees. Of Chinese, Japanese, Thai and their kin, which part no words by blanks, each letter is a word
/// of the index and two or three neighbours are one of a query (<see cref="ContentWords"/>). Passages with equal scores come in
/// the order of the corpus. Source: sqlite.org/fts5.html, "The bm25() function".
/// </para>
/// <para>
/// No query is an error: punctuation, operators, control characters and emoji separate words, and a query without words
/// finds nothing. Safe for use by several threads.
/// </para>
/// </remarks>
public sealed class Bm25Index : ISearchEnvironment, IDisposable
{
    /// <summary>Raised whenever an index of an earlier build would answer differently.</summary>
    private const int SchemaVersion = 2;

    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromDays(1);

    private readonly string file;
    private readonly FileStream held;
    private readonly ConcurrentBag<Reader> readers = [];
    private volatile bool disposed;

    static Bm25Index() => SqliteLibrary.LookBesideThis();

    private Bm25Index(string file, string corpusHash, int passages) =>
        // Held open, so that who tidies up sees that it is in use.
        (this.file, CorpusSha256, Passages, held) = (file, corpusHash, passages, Held(file));

    private static FileStream Held(string file) => new(file, FileMode.Open, FileAccess.Read, FileShare.Read);

    /// <summary>Of the corpus file as it lies on disk, 64 hex digits.</summary>
    public string CorpusSha256 { get; }

    /// <summary>In the corpus.</summary>
    public int Passages { get; }

    /// <summary>Opens the index of a corpus, and builds it first where there is none yet.</summary>
    /// <remarks>
    /// The index is named after the corpus's SHA-256 and built under a name of its own, then renamed, so that a crash
    /// leaves no half index and processes that build at once do not disturb each other. Roughly 0.1 ms and 1.1 kB a
    /// passage. The hash is remembered for the file's path, size and time of last change.
    /// </remarks>
    /// <param name="corpusPath">What <see cref="Corpus.Read"/> reads.</param>
    /// <param name="indexFolder">Made where it does not exist.</param>
    /// <param name="progress">Told of the passages read, when an index is built.</param>
    /// <param name="cancellationToken">Ends the building; nothing is left behind.</param>
    /// <exception cref="FileNotFoundException">There is no such corpus.</exception>
    /// <exception cref="InvalidDataException">The corpus is faulty; the text names file, line and field.</exception>
    public static Bm25Index OpenOrBuild(
        string corpusPath,
        string indexFolder,
        IProgress<ReadProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        Directory.CreateDirectory(indexFolder);
        string hash = CorpusHash.Of(corpusPath, indexFolder);
        string file = Path.Combine(indexFolder, $"bm25-v{SchemaVersion}-{hash}.sqlite");
        if (PassagesOf(file, hash) is not { } passages)
        {
            Build(corpusPath, hash, file, progress, cancellationToken);
            passages =
                PassagesOf(file, hash)
                ?? throw new IOException($"{file} was built but cannot be read; is the disk full or failing?");
        }
        return new Bm25Index(file, hash, passages);
    }

    /// <inheritdoc/>
    public ValueTask<Passage[][]> SearchAsync(
        IReadOnlyList<string> queries,
        int topK,
        CancellationToken cancellationToken
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        ObjectDisposedException.ThrowIf(disposed, this);
        return new ValueTask<Passage[][]>(
            Task.Run(
                () =>
                {
                    Passage[][] found = new Passage[queries.Count][];
                    ParallelOptions options = new()
                    {
                        CancellationToken = cancellationToken,
                        MaxDegreeOfParallelism = Environment.ProcessorCount,
                    };
                    Parallel.For(0, queries.Count, options, i => found[i] = Search(queries[i], topK));
                    return found;
                },
                cancellationToken
            )
        );
    }

    /// <summary>The texts of some passages, by one pass over the index; those that it does not hold are left out.</summary>
    public IReadOnlyDictionary<PassageId, string> TextsOf(IEnumerable<PassageId> ids)
    {
        HashSet<string> wanted = [.. ids.Select(id => id.Value)];
        Dictionary<PassageId, string> texts = [];
        using SqliteConnection connection = Connect(file, SqliteOpenMode.ReadOnly);
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "SELECT id, coalesce(shown_text, text) FROM passages";
        using SqliteDataReader rows = command.ExecuteReader();
        while (rows.Read())
            if (wanted.Contains(rows.GetString(0)))
                texts[new PassageId(rows.GetString(0))] = rows.GetString(1);
        return texts;
    }

    /// <summary>Closes the index; its file stays.</summary>
    public void Dispose()
    {
        disposed = true;
        held.Dispose();
        while (readers.TryTake(out Reader? reader))
            reader.Dispose();
    }

    private Passage[] Search(string query, int topK)
    {
        if (QueryWords.Expression(query) is not { } expression)
            return [];
        Reader reader = readers.TryTake(out Reader? idle) ? idle : new Reader(file);
        try
        {
            return reader.Search(expression, topK);
        }
        finally
        {
            readers.Add(reader);
            if (disposed)
                Dispose();
        }
    }

    /// <summary>The passages of a usable index of this corpus and version; null where there is none.</summary>
    private static int? PassagesOf(string file, string hash)
    {
        if (!File.Exists(file))
            return null;
        try
        {
            using SqliteConnection connection = Connect(file, SqliteOpenMode.ReadOnly);
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText =
                "SELECT passages FROM built WHERE version = $version AND corpus = $corpus "
                + "AND passages = (SELECT count(*) FROM passages_docsize)";
            command.Parameters.AddWithValue("$version", SchemaVersion);
            command.Parameters.AddWithValue("$corpus", hash);
            return command.ExecuteScalar() is long passages ? checked((int)passages) : null;
        }
        catch (SqliteException)
        {
            return null;
        }
    }

    private static void Build(
        string corpusPath,
        string hash,
        string file,
        IProgress<ReadProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        RemoveAbandoned(file);
        string partial = $"{file}.{Guid.NewGuid():N}.partial";
        try
        {
            using (SqliteConnection connection = Connect(partial, SqliteOpenMode.ReadWriteCreate))
            {
                // A crash leaves a file that nobody will open, so no journal is needed.
                Execute(connection, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;");
                Execute(
                    connection,
                    """
                    CREATE VIRTUAL TABLE passages USING fts5(
                        id UNINDEXED, title, text, shown_title UNINDEXED, shown_text UNINDEXED,
                        tokenize = 'porter unicode61'
                    );
                    CREATE TABLE built (version INTEGER, corpus TEXT, passages INTEGER);
                    """
                );
                Fill(connection, Corpus.Read(corpusPath, progress, cancellationToken), hash);
            }
            using (FileStream written = new(partial, FileMode.Open, FileAccess.ReadWrite))
                written.Flush(flushToDisk: true);
            File.Move(partial, file, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    private static void Fill(SqliteConnection connection, IEnumerable<Passage> corpus, string hash)
    {
        using SqliteTransaction transaction = connection.BeginTransaction();
        using SqliteCommand insert = connection.CreateCommand();
        insert.CommandText =
            "INSERT INTO passages (rowid, id, title, text, shown_title, shown_text) "
            + "VALUES ($row, $id, $title, $text, $shownTitle, $shownText)";
        SqliteParameter row = insert.Parameters.Add("$row", SqliteType.Integer);
        SqliteParameter id = insert.Parameters.Add("$id", SqliteType.Text);
        SqliteParameter title = insert.Parameters.Add("$title", SqliteType.Text);
        SqliteParameter text = insert.Parameters.Add("$text", SqliteType.Text);
        SqliteParameter shownTitle = insert.Parameters.Add("$shownTitle", SqliteType.Text);
        SqliteParameter shownText = insert.Parameters.Add("$shownText", SqliteType.Text);
        long count = 0;
        foreach (Passage passage in corpus)
        {
            (row.Value, id.Value) = (++count, passage.Id.Value);
            (title.Value, shownTitle.Value) = Columns(passage.Title);
            (text.Value, shownText.Value) = Columns(passage.Text);
            insert.ExecuteNonQuery();
        }
        Execute(connection, "INSERT INTO passages (passages) VALUES ('optimize')");
        using SqliteCommand mark = connection.CreateCommand();
        mark.CommandText = "INSERT INTO built VALUES ($version, $corpus, $passages)";
        mark.Parameters.AddWithValue("$version", SchemaVersion);
        mark.Parameters.AddWithValue("$corpus", hash);
        mark.Parameters.AddWithValue("$passages", count);
        mark.ExecuteNonQuery();
        transaction.Commit();
    }

    /// <summary>What is indexed, and the text itself where that is another.</summary>
    private static (string Indexed, object Shown) Columns(string text) =>
        ContentWords.Indexed(text) is var indexed && indexed == text ? (text, DBNull.Value) : (indexed, text);

    /// <summary>Removes what builds that were killed left behind.</summary>
    private static void RemoveAbandoned(string file)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        foreach (string partial in Directory.EnumerateFiles(folder, "bm25-*.partial"))
            if (DateTime.UtcNow - File.GetLastWriteTimeUtc(partial) > AbandonedAfter)
                File.Delete(partial);
    }

    private static SqliteConnection Connect(string file, SqliteOpenMode mode)
    {
        SqliteConnectionStringBuilder settings = new()
        {
            DataSource = file,
            Mode = mode,
            Pooling = false,
        };
        SqliteConnection connection = new(settings.ConnectionString);
        connection.Open();
        return connection;
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>A read-only connection with the prepared search; used by one thread at a time.</summary>
    private sealed class Reader : IDisposable
    {
        private readonly SqliteConnection connection;
        private readonly SqliteCommand command;
        private readonly SqliteParameter words;
        private readonly SqliteParameter limit;

        public Reader(string file)
        {
            connection = Connect(file, SqliteOpenMode.ReadOnly);
            Execute(connection, string.Create(CultureInfo.InvariantCulture, $"PRAGMA mmap_size = {1L << 30}"));
            command = connection.CreateCommand();
            // The inner query sorts numbers alone; only the winners' text is fetched.
            command.CommandText = """
                SELECT id, coalesce(shown_title, title), coalesce(shown_text, text)
                FROM (
                    SELECT rowid AS winner, bm25(passages, 0.0, 2.0, 1.0) AS score
                    FROM passages WHERE passages MATCH $words
                    ORDER BY score, winner LIMIT $limit
                )
                JOIN passages ON passages.rowid = winner
                ORDER BY score, winner
                """;
            words = command.Parameters.Add("$words", SqliteType.Text);
            limit = command.Parameters.Add("$limit", SqliteType.Integer);
        }

        public Passage[] Search(string expression, int topK)
        {
            (words.Value, limit.Value) = (expression, topK);
            using SqliteDataReader rows = command.ExecuteReader();
            List<Passage> found = [];
            while (rows.Read())
                found.Add(new Passage(new PassageId(rows.GetString(0)), rows.GetString(1), rows.GetString(2)));
            return [.. found];
        }

        public void Dispose()
        {
            command.Dispose();
            connection.Dispose();
        }
    }
}
