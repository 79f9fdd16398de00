namespace David.Grpo

/// The members that answer one question in one step; advantages are taken among them.
type Group =
    {
        /// Names the group in random numbers and logs: the question's index, and 2³² for each earlier group of the same question
        /// in the step, as the end of a pass may bring; −1 − index for experts' questions.
        Key: int64
        /// What was asked.
        Question: Question
        /// [G], possibly nobody.
        Members: Member[]
        /// Rollouts that were sampled for it, those included that could not be scored or were left out: the number of the next.
        Rollouts: int
    }

    /// A group of nobody yet, of question `index` of the training questions or of the experts'.
    static member Open(index: int, isExperts: bool, question: Question) : Group =
        Group.Open(index, 0, isExperts, question)

    /// The same where the step has `earlier` groups of that training question.
    static member Open(index: int, earlier: int, isExperts: bool, question: Question) : Group =
        {
            Key =
                if isExperts then
                    -1L - int64 index
                else
                    int64 index + (int64 earlier <<< 32)
            Question = question
            Members = [||]
            Rollouts = 0
        }

    /// The question's index among the training questions, or among the experts'.
    member group.Index: int =
        if group.Key < 0L then
            int (-1L - group.Key)
        else
            int (group.Key &&& 0xFFFFFFFFL)

    /// Total rewards, [G].
    member group.Rewards: float[] = group.Members |> Array.map _.Reward.Total

    /// What was written, [G].
    member group.Trajectories: Trajectory[] = group.Members |> Array.map _.Trajectory

    /// Whose answer is right, [G].
    member group.Correct: bool[] = group.Members |> Array.map _.IsRight

    /// The share of right answers; 0 for nobody.
    member group.SolveRate: float =
        if group.Members.Length = 0 then
            0.0
        else
            group.Members |> Array.averageBy (fun rollout -> if rollout.IsRight then 1.0 else 0.0)

    /// Whether all rewards are equal, so that the group teaches nothing.
    member group.IsDead: bool =
        group.Members |> Array.forall (fun rollout -> rollout.Reward.Total = group.Members[0].Reward.Total)

    /// The same with these members.
    member group.With(members: Member[]) : Group = { group with Members = members }

    /// The members at these places.
    member group.At(places: int[]) : Group =
        group.With(places |> Array.map (Array.get group.Members))

    /// The same with other totals [G]: what changes is a term of this name in each member's reward.
    member group.Paying(term: string, totals: float[]) : Group =
        Check.length (nameof totals) group.Members.Length "one for each member" totals
        group.With(Array.map2 (fun (rollout: Member) total -> rollout.Paying(term, total)) group.Members totals)

    /// The same with a critic's values, [G][trained tokens].
    member group.WithValues(values: float[][]) : Group =
        group.With(Array.map2 (fun rollout own -> { rollout with Values = own }) group.Members values)

    /// Numbers by member, [G], on each of its trained tokens, [G][trained tokens].
    member internal group.OnTokens(numbers: float[]) : float[][] =
        Array.map2
            (fun rollout number -> Array.replicate (Trajectory.trainedTokens rollout.Trajectory) number)
            group.Members
            numbers

    /// The same with `members` more, scored of `rollouts` that were sampled for it.
    member group.Grown(members: Member[], rollouts: int) : Group =
        { group with
            Members = Array.append group.Members members
            Rollouts = group.Rollouts + rollouts
        }
