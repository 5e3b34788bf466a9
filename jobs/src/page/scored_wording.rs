//! The texts on scores of new rows and on the cards of models.

report::messages! {
    /// The line below the title of a job that scores.
    scored_subtitle(guest, host) {
        "New rows of {guest} and {host}, scored by a model that they trained before",
        "{guest} 与 {host} 的新样本，由各方此前共同训练的模型评分"
    }
    /// Heading: new scores.
    scored() { "Scores", "评分" }
    /// What was scored by what.
    scored_lead(step, job, rows) {
        "The model {step} of the job {job} scored {rows} rows. Nothing was fitted to them.",
        "由任务 {job} 的模型 {step} 对 {rows} 行评分，未对这些行做任何拟合。"
    }
    /// Heading of the table of facts on the model.
    which_model() { "Which model", "所用模型" }
    /// A fact: the job that trained the model.
    training_job_name() { "Training job", "训练任务" }
    /// A fact: the step of that job.
    training_step() { "Step", "步骤" }
    /// A fact: its digest.
    training_job() { "Digest of the training job", "训练任务摘要" }
    /// A fact: the name of the run.
    training_run() { "Training run", "训练运行标识" }
    /// A fact: the earlier model.
    began_with() { "Training began with", "训练起点" }
    /// Caution: the model was trained for something else.
    another_purpose(trained, scored) {
        "The model was agreed on for the purpose {trained}, and these scores for {scored}. Make sure \
         that whoever may decide on this has done so, at every party.",
        "模型约定的用途为 {trained}，而本次评分的用途为 {scored}。请确认各方有权决定者均已同意。"
    }
    /// Heading of the table of quantiles.
    distribution_of_scores() { "How the scores are spread", "评分的分布" }
    /// Heading of a column of shares.
    share_of_rows_below() { "Share of rows below", "低于该评分的行占比" }
    /// Where the table of scores is.
    where_the_scores_are() {
        "tables/scores.parquet has the scores with your key.",
        "评分连同己方的键见 tables/scores.parquet。"
    }
    /// Why there are no metrics.
    scored_without_label() {
        "How good these scores are nobody knows before the outcomes are there. Then score the same \
         rows again with `label:`, and the page compares.",
        "在结果发生之前，无从评估这些评分的好坏。届时以 `label:` 对同样的行再次评分，本页将给出对比。"
    }
    /// What the host gets of the scores.
    scores_are_the_guests(guest) {
        "The scores are {guest}'s. You learnt how many rows were scored, and nothing about them.",
        "评分归 {guest} 所有。己方仅得知评分的行数，不知其内容。"
    }
    /// What the chart of the own part shows.
    own_part_of_model() { "Your part of the model.", "模型中的己方部分。" }

    /// Heading: the cards of the models.
    model_cards() { "Model cards", "模型卡" }
    /// What a card is for.
    model_cards_lead() {
        "For your register of models; the same is in the .card.json files, for programs. Of other \
         parties' parts you know no more than this page says.",
        "供己方模型登记之用；供程序读取的同样内容见 .card.json 文件。其他各方部分的信息，己方所知不超出本页。"
    }
    /// Heading of the table of a card.
    card_facts() { "What it is", "模型概况" }
    /// Heading of a column of facts.
    card_fact() { "Fact", "事项" }
    /// A fact: the privacy mode.
    privacy_mode() { "Privacy", "隐私模式" }
    /// Rows from a first to a last time.
    rows_of_period(rows, first, last) { "{rows}, {first} to {last}", "{rows}，{first} 至 {last}" }
    /// A fact: features of this party.
    own_features_of_model() { "Your features in it", "其中己方特征数" }
    /// A fact: where the files are.
    files_of_model() { "Files", "文件" }
}
