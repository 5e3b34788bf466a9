//! The texts of the report page, beside those that `report` brings.

report::messages! {
    /// The line below the title at the guest.
    guest_subtitle(guest, host) {
        "Joint model of {guest} and {host}, compared with what {guest} can do alone",
        "{guest} 与 {host} 的联合模型，与 {guest} 单独建模的对比"
    }
    /// The line below the title at the host.
    host_subtitle(guest, host) {
        "What {host} brought to the joint model of {guest}, and what was opened",
        "{host} 为 {guest} 的联合建模所提供的特征，以及实际公开的内容"
    }
    /// The line below the title of a job without models.
    aligned_subtitle(guest, host) {
        "The rows that {guest} and {host} have in common", "{guest} 与 {host} 共有的行"
    }
    /// The line below the title of a job for totals.
    totals_subtitle(guest, host) {
        "What the rows that {guest} and {host} have in common add up to",
        "{guest} 与 {host} 共有行的合计"
    }
    /// Fact: what the result may be used for.
    purpose() { "Purpose", "用途" }
    /// Fact: the role of the party of the page.
    your_role() { "Your role", "己方角色" }
    /// Fact: whether data are real.
    data_of_parties() { "Data", "数据来源" }
    /// A party and whether its data are real.
    party_data(party, kind) { "{party}: {kind}", "{party}：{kind}" }
    /// Two facts on one line.
    two_facts(first, second) { "{first}, {second}", "{first}，{second}" }
    /// Fact: how many rows both parties have.
    common_rows() { "Rows in common", "共同样本" }
    /// Fact: the public seed.
    seed() { "Public seed", "公开随机种子" }
    /// Fact: the program.
    made_with() { "Made with", "生成程序" }
    /// Something with its own name in the job.
    named(title, name) { "{title} “{name}”", "{title}“{name}”" }

    /// A split by time.
    split_by_time() { "split by time", "按时间划分" }
    /// A split at random.
    split_random() { "random split", "随机划分" }
    /// A split at random within each class.
    split_stratified() { "random split by class", "分层随机划分" }
    /// A model under a split.
    model_under_split(model, split) { "{model}, {split}", "{model}（{split}）" }

    /// Heading of the first section.
    result() { "Result", "结果" }
    /// What the first section answers.
    result_lead(guest, host) {
        "What {host}'s columns add to what {guest} knows, measured on test rows that no model was \
         fitted on.",
        "在未参与任何模型拟合的测试样本上，衡量 {host} 的特征在 {guest} 已有信息之外带来的提升。"
    }
    /// Which model the key figures belong to: the rule has nothing to do with the figures.
    headline_is(step) {
        "{step}: the first model of the job, on its most honest split.",
        "以下为任务中第一个模型在最可信的划分下的结果：{step}。"
    }
    /// The guest's own model.
    alone(guest) { "{guest} alone", "{guest} 单独建模" }
    /// The figure of the guest's own model.
    alone_is(guest, value) { "{guest} alone: {value}", "{guest} 单独：{value}" }
    /// The base rate of the test rows.
    positives_among_them(rate) { "{rate} of them positive", "其中正样本 {rate}" }
    /// A metric.
    average_precision() { "Average precision", "平均精确率（AP）" }
    /// A metric.
    log_loss() { "Log-loss", "对数损失" }
    /// A metric.
    root_mean_square() { "Root mean squared error", "均方根误差（RMSE）" }
    /// A metric.
    mean_absolute() { "Mean absolute error", "平均绝对误差（MAE）" }
    /// A metric.
    explained_variance() { "R²", "R²" }
    /// A metric: the normalised discounted cumulative gain of the first five places.
    ndcg_5() { "NDCG@5", "NDCG@5" }
    /// The same of the first ten.
    ndcg_10() { "NDCG@10", "NDCG@10" }
    /// The same of the first thirty.
    ndcg_30() { "NDCG@30", "NDCG@30" }
    /// How many groups have rows of different grades.
    judged_groups() { "Groups judged", "参与评估的组" }
    /// A metric: mean of prediction minus label.
    mean_bias() { "Mean of prediction minus label", "预测值与标签之差的均值" }
    /// A metric.
    mean_deviance() { "Mean deviance", "平均偏差" }
    /// A metric: 1 minus the deviance over that of the mean.
    explained_deviance() { "Explained deviance (D²)", "偏差解释率（D²）" }
    /// A metric.
    calibration_error() { "Calibration error", "校准误差（ECE）" }

    /// Remark: made-up data.
    simulated_data(party) {
        "The data of {party} are simulated. Figures made from them say how the method works and \
         nothing about real customers.",
        "{party} 的数据为模拟生成。由其得出的数值只能说明方法本身，不代表真实客户的情况。"
    }
    /// Remark: small test part.
    few_positives(count) {
        "The test rows hold only {count} positives: intervals are wide, and the best 1% rests on a \
         handful of rows.",
        "测试样本中仅有 {count} 个正样本：置信区间较宽，前 1% 的指标仅由少数样本决定。"
    }
    /// Remark: the interval of the gain holds 0.
    no_measurable_gain(guest, value, low, high) {
        "No measurable gain: the AUC differs by {value} and the 95% interval from {low} to {high} \
         holds 0. On these rows the joint model cannot be told from {guest} alone.",
        "未测得提升：AUC 相差 {value}，95% 置信区间 {low} 至 {high} 包含 0。在这些样本上，联合模型与 {guest} 单独建模无法区分。"
    }
    /// Remark: the interval of the gain is below 0.
    ranks_worse(guest, host, value, low, high) {
        "The joint model ranks these rows worse than {guest} alone: the AUC differs by {value} \
         (95% interval {low} to {high}). What was learnt from {host}'s columns in the training \
         rows does not carry over to these.",
        "联合模型在这些样本上的排序劣于 {guest} 单独建模：AUC 相差 {value}（95% 置信区间 {low} 至 {high}）。\
         {host} 的特征在训练样本中的规律在此不再成立。"
    }
    /// Remark: better order, worse probabilities.
    ranks_better_only(host, value) {
        "With {host}'s columns the order is better (AUC {value}), but the predicted probabilities \
         are further off (Brier score). Use the order, or calibrate anew before using the \
         probabilities.",
        "加入 {host} 的特征后排序更好（AUC {value}），但预测概率的偏差更大（Brier 分数）。可使用其排序；使用概率前请重新校准。"
    }
    /// Remark: random rows of the same weeks on both sides.
    random_split_mixes_times(split) {
        "The {split} puts rows of the same weeks into training and test, so that later rows help \
         to explain earlier ones. Columns that tell the calendar, such as the month or market \
         rates, look better under it than they will on tomorrow's customers.",
        "{split}会把同一时期的样本同时放入训练集和测试集，相当于用后来的样本解释先前的样本。含有日期信息的特征（如月份、市场利率）在此划分下的表现，会好于其在未来客户上的表现。"
    }
    /// What to look at in its place.
    judge_by(split) {
        "The {split} learns from the past only and is the one to judge by.",
        "{split}只从过去学习，应以其结果为准。"
    }
    /// What to do for a figure that can be trusted.
    add_split_by_time(guest) {
        "The table of {guest} has a time column: add a split by time to the job and judge by it.",
        "{guest} 的表中有时间字段：请在任务中增加按时间的划分，并以其结果为准。"
    }
    /// How much less is left of the gain on later rows.
    gain_by_time(model, random, time) {
        "{model}: joint less alone is {random} in AUC here and {time} by time; only the second can \
         be counted on for later customers.",
        "{model}：此划分下联合与单独建模的 AUC 之差为 {random}，按时间划分时为 {time}；对未来客户只能以后者为准。"
    }
    /// Remark: another population in the test rows.
    base_rate_moved(split, training, test) {
        "Another population ({split}): {test} of the test rows are positive, {training} of the \
         training rows. Figures of the order are comparable; probabilities and cut-offs by score \
         do not carry over without new calibration.",
        "客群已变化（{split}）：测试样本的正样本率为 {test}，训练样本为 {training}。排序类指标仍可比较；概率与分数阈值须重新校准后方可使用。"
    }
    /// Remark: an information value that is too good.
    too_good_features(features) {
        "Information value above 0.5: {features}. Check that these columns are known before the \
         outcome is: a column that knows the outcome makes every figure worthless.",
        "信息值高于 0.5：{features}。请核实这些字段在结果发生之前即可获知：若字段已包含结果信息，所有指标都没有意义。"
    }
    /// Remark: the optimiser ran out of rounds.
    not_converged(rounds) {
        "Training ended after {rounds} rounds before the optimum was reached. Raise `rounds`; the \
         figures are those of an unfinished model.",
        "训练在 {rounds} 轮后结束，尚未达到最优。请增大 `rounds`；当前指标来自未完成的模型。"
    }
    /// Remark: a mode that gives more away than `strict`.
    weaker_mode(mode, summary) {
        "Trained in the mode `{mode}`, which gives away more than `strict`. {summary}",
        "以 `{mode}` 模式训练，公开的内容多于 `strict`。{summary}"
    }
    /// Remark: scores are distributed otherwise in test.
    score_moved(score, index) {
        "{score}: the score has moved between training and test (stability index {index}).",
        "{score}：训练与测试之间分数分布已发生变化（稳定性指标 {index}）。"
    }
    /// Remark: why there is no stability index.
    joint_training_scores_stay_shared() {
        "There is no stability index of the joint score: its training scores stay secret-shared \
         and nobody sees them.",
        "联合分数没有稳定性指标：其训练样本的分数始终以秘密分享形式存在，任何一方均不可见。"
    }

    /// Heading: the table of figures beside AUC, KS and lift.
    further_figures() { "Further figures", "其他指标" }
    /// Heading: tables of score bands.
    score_bands() { "Score bands", "分数分段表" }
    /// The bands of one score.
    bands_of(score) { "Bands of the score: {score}", "分数分段：{score}" }
    /// Heading: charts for the specialist.
    more_curves() { "More curves: precision, score distributions, stability", "更多曲线：精确率、分数分布、稳定性" }
    /// Heading: settings of a model.
    settings() { "Settings", "参数设置" }
    /// Heading of a column of settings.
    setting() { "Setting", "参数" }
    /// Heading of a column of values.
    value() { "Value", "取值" }
    /// The unit of money, which a job does not name.
    currency_of_the_job() { "in the unit of the job's cost and value", "单位同任务中的成本与价值" }

    /// Heading of the chart of coefficients.
    own_coefficients() { "Own coefficients in the joint model", "联合模型中的己方系数" }
    /// The same with the model.
    own_coefficients_in(step) { "Own coefficients: {step}", "己方系数：{step}" }
    /// How to read coefficients.
    coefficients_meaning() {
        "Change of the log-odds per standard deviation of the prepared feature: of a number, or of \
         the indicator of a level. The partner's coefficients are the partner's.",
        "特征（数值，或类别水平的指示变量）每变化一个标准差所引起的对数几率变化。对方的系数仅对方可见。"
    }
    /// What the chart of coefficients of a linear regression shows.
    slopes_meaning() {
        "Change of the prediction per standard deviation of the prepared feature: of a number, or of \
         the indicator of a level. The partner's coefficients are the partner's.",
        "特征（数值，或类别水平的指示变量）每变化一个标准差所引起的预测值变化。对方的系数仅对方可见。"
    }
    /// What the chart of coefficients of a model with a logarithmic link shows.
    log_slopes_meaning() {
        "Change of the logarithm of the prediction per standard deviation of the prepared feature: \
         of a number, or of the indicator of a level. The partner's coefficients are its own.",
        "特征（数值，或类别水平的指示变量）每变化一个标准差所引起的预测值对数的变化。对方的系数仅对方可见。"
    }
    /// What the whiskers of the chart of coefficients are.
    whiskers_meaning() {
        "Whiskers: 95% confidence intervals.", "须线：95% 置信区间。"
    }
    /// Heading of the table of own coefficients with their standard errors.
    tests_in(step) {
        "Own coefficients with standard errors: {step}", "己方系数及标准误：{step}"
    }
    /// How to read standard errors.
    tests_meaning() {
        "z is the coefficient divided by its standard error, and the two-sided p-value says how \
         often chance alone brings a z so far from 0. Both take all columns of both parties into \
         account. With an l2 penalty the errors are those of the posterior under it, and somewhat \
         smaller. The intercept is where the partner's columns are at their means.",
        "z 为系数除以其标准误；双侧 p 值表示仅凭偶然出现偏离 0 同样远的 z 的概率。\
         两者均已计入双方全部特征。存在 l2 惩罚时，标准误为惩罚对应的后验标准误，略小。\
         截距对应对方特征取均值时的情形。"
    }
    /// The intercept among the coefficients.
    intercept() { "(intercept)", "（截距）" }
    /// Heading: standard errors.
    standard_error() { "Standard error", "标准误" }
    /// Heading: estimates by their standard errors.
    z_value() { "z", "z 值" }
    /// Heading: two-sided p-values.
    p_value() { "p-value", "p 值" }
    /// Axis of the chart of coefficients.
    coefficient() { "Coefficient", "系数" }
    /// Axis of the chart of importance.
    share_of_gain() { "Share of the gain of all splits", "占全部分裂增益的比例" }
    /// All of the partner's features taken together.
    all_features_of(host) { "all features of {host}", "{host} 的全部特征" }
    /// Heading of the chart of the host's splits.
    own_splits_in(step) { "Own splits: {step}", "己方分裂：{step}" }
    /// How to read numbers of splits.
    splits_meaning() {
        "How many splits of the trees ask for each of your columns. What a split gains is known to \
         the label holder only.",
        "各己方特征在树中被用于分裂的次数。每次分裂的增益仅发起方可知。"
    }
    /// How to read numbers of splits of strict trees.
    strict_splits_meaning() {
        "How many splits of the trees ask for each of your columns. What a split gains is known to \
         nobody.",
        "各己方特征在树中被用于分裂的次数。每次分裂的增益任何一方都不知道。"
    }
    /// Axis of the chart of splits.
    splits() { "Splits", "分裂次数" }
    /// Heading of the table of trainings.
    trainings() { "How training ended", "训练情况" }
    /// Heading of a column of models.
    model() { "Model", "模型" }
    /// How a linear model was trained.
    trained_in(passes, intercept) {
        "Passes over the data: {passes}. Intercept of this party's part of the score: {intercept}.",
        "遍历数据 {passes} 次；本方得分部分的截距为 {intercept}。"
    }
    /// How large the trees are, at the guest.
    trees_and_host_splits(trees, splits) {
        "Trees: {trees}. Different splits by a column of the partner: {splits}.",
        "树的数量：{trees}。使用合作方特征的不同分裂：{splits} 个。"
    }
    /// How large the trees and the own part of them are.
    trees_and_own_splits(trees, splits) {
        "Trees: {trees}. Own splits: {splits}. The weights of leaves stay shared: neither party can \
         read them.",
        "树的数量：{trees}。己方分裂 {splits} 个。叶子权重始终为秘密分享，双方都无法读取。"
    }
    /// How large the host's part of the trees is.
    splits_of_host(splits) {
        "Different own splits: {splits}. The shape of the trees and their leaves are the label \
         holder's.",
        "己方的不同分裂 {splits} 个；树的结构与叶子权重归发起方所有。"
    }

    /// Heading of the host's own section.
    host_part() { "Your part of the models", "模型中的己方部分" }
    /// What the host's section shows.
    host_part_lead() {
        "What training left with you: your own columns' part, and nothing about single customers' \
         labels.",
        "训练结束后留在己方的内容：己方特征对应的部分，不含任何单个客户的标签。"
    }
    /// Why the host sees no metric.
    host_sees_no_metric(guest) {
        "How good the models are is measured with labels, which only {guest} has; these figures \
         are on its page.",
        "模型效果须用标签衡量，而标签仅 {guest} 持有；相关指标见其报告。"
    }

    /// Heading: features under one split.
    features_under(split) { "Features, {split}", "特征（{split}）" }
    /// How features were fitted.
    features_lead() {
        "What each column tells by itself. Bins were fitted and counted on the training period \
         only.",
        "各字段单独的区分能力。分箱的确定与统计均只使用训练期样本。"
    }
    /// Heading of the table of information values.
    information_values() { "Information values", "信息值（IV）" }
    /// Heading of the weaker features' charts.
    more_features(count) { "{count} more features", "其余 {count} 个特征" }
    /// Why features of the partner have no names.
    host_features_are_anonymous(host) {
        "Features of {host} are numbered in a secret order and have no names; their bins with few \
         rows of either class were merged before you could see any count.",
        "{host} 的特征以随机顺序编号且不含名称；任一类样本过少的分箱，在您看到任何计数之前已被合并。"
    }
    /// How many pairs across the parties are too alike.
    correlated_pairs(count) {
        "Pairs of one column of each party with a correlation above the threshold: {count}. No \
         other correlation across the parties was opened.",
        "双方各取一个字段、相关系数超过阈值的字段对：{count} 对。除此之外未公开任何跨方相关系数。"
    }
    /// Heading of the host's table of selected columns.
    selected_under(split) { "Selection of your columns, {split}", "己方字段的筛选（{split}）" }
    /// A column that was selected.
    kept() { "kept", "保留" }
    /// A column of the host that the guest wants; of two alike ones the host keeps one by itself.
    asked_for() {
        "asked for; of two alike its owner keeps one", "需要；若与该方其他字段高度相关，由其自行取舍"
    }
    /// A column that is too much like another one.
    dropped_for(with) { "dropped: goes together with {with}", "剔除：与 {with} 高度相关" }
    /// A column that tells too little.
    dropped_low_information() { "dropped: tells too little", "剔除：信息值过低" }
    /// A column that the label holder did not want, for reasons that it keeps.
    not_wanted() { "dropped by the label holder", "被发起方剔除" }
    /// A column that models use.
    used() { "used", "使用" }
    /// Heading of the table of columns without feature.
    columns_without_feature() { "Columns that gave no feature", "未生成特征的字段" }
    /// Why a column gave no feature.
    dropped_all_missing() { "no value in any training row", "训练样本中全部缺失" }
    /// Why a column gave no feature.
    dropped_constant() { "constant in the training rows", "训练样本中取值恒定" }
    /// Why a column gave no feature.
    dropped_one_level() {
        "beside the most frequent level none is frequent enough", "除最常见类别外，其余类别样本过少"
    }

    /// Heading: what came out of the alignment.
    matching() { "Matching", "匹配" }
    /// Heading of the table of keys.
    matches_by_key() { "Matches by key, in the order in which keys were tried", "按键的匹配数（按尝试顺序）" }
    /// Heading of a column of keys.
    key_column() { "Key", "键" }
    /// Heading of a column of counts.
    rows_that_took_part() { "Your rows that took part", "参与的己方行" }
    /// Heading of a column of counts.
    matched_rows() { "Matched", "匹配" }
    /// What the table of a left join holds.
    left_join(rows, common, rest) {
        "tables/aligned.parquet has all {rows} rows of your table: first the {common} common ones, \
         then {rest} without a match. Its last column says which are which.",
        "tables/aligned.parquet 含己方表的全部 {rows} 行：先是共有的 {common} 行，其后 {rest} 行无匹配，最后一列标明是否匹配。"
    }
    /// What the table of an anti-join holds.
    anti_join(rest, peer) {
        "tables/unmatched.parquet has the {rest} rows of your table that {peer} does not have.",
        "tables/unmatched.parquet 含己方表中 {peer} 没有的 {rest} 行。"
    }
    /// What the table of an anti-join of more than two parties holds.
    anti_join_of_several(rest) {
        "tables/unmatched.parquet has the {rest} rows of your table that not all parties have.",
        "tables/unmatched.parquet 含己方表中并非各方都有的 {rest} 行。"
    }
    /// Heading of the table of columns from the other party.
    received_from(peer) { "Columns received from {peer}", "从 {peer} 获得的字段" }
    /// Heading of a column of columns.
    column() { "Column", "字段" }
    /// Heading of a column of kinds.
    kind() { "Kind", "类型" }
    /// Heading of a column of counts.
    missing_values() { "Missing", "缺失" }

    /// Heading: numbers about the common rows.
    totals() { "Totals", "合计" }
    /// How many rows are common.
    totals_common(common) {
        "{common} rows are common. Nobody learnt which.", "共有 {common} 行；任何一方都不知道是哪些行。"
    }
    /// Too few rows are common.
    totals_below_minimum(common, minimum) {
        "{common} rows are common. Sums were not opened: the job asks for at least {minimum} \
         common rows.",
        "共有 {common} 行。未公开合计：任务要求至少 {minimum} 行共有。"
    }
    /// Too few rows are common, for a party that does not learn how many.
    totals_below_minimum_for_the_other(minimum) {
        "Fewer than {minimum} rows are common, so that no sums were opened. How many there are only \
         the other party learnt.",
        "共有行不足 {minimum} 行，未公开合计；具体行数仅由对方得知。"
    }
    /// The other party learnt everything.
    totals_for_the_other() {
        "Only the other party learnt the totals, as the job says.", "按任务约定，合计仅由对方得知。"
    }
    /// Heading of the table of sums.
    sums_over_common_rows() { "Sums over the common rows", "共有行上的合计" }
    /// Heading of a column of parties.
    party() { "Party", "参与方" }
    /// Heading of a column of sums.
    sum() { "Sum", "合计" }
    /// Heading of a column of means.
    mean() { "Mean", "均值" }
    /// How numbers were rounded.
    totals_precision(decimals) {
        "Each number was rounded to {decimals} decimals before it was added.",
        "各数值先舍入到 {decimals} 位小数，再求和。"
    }

    /// Heading: how many rows there were.
    data_and_split() { "Rows", "样本" }
    /// Heading of the table of rows.
    rows_by_stage() { "From the table to the test rows", "从原始表到测试样本" }
    /// Heading of a column of stages.
    stage() { "Stage", "阶段" }
    /// A stage.
    rows_of_table(party) { "Table of {party}", "{party} 的表" }
    /// A stage.
    training_period_of(split) { "Training period, {split}", "训练期（{split}）" }
    /// A stage.
    validation_rows_of(split) { "of these for validation, {split}", "其中验证样本（{split}）" }
    /// A stage.
    test_rows_of(split) { "Test rows, {split}", "测试样本（{split}）" }

    /// Heading: the disclosure statement.
    who_learnt_what() { "Who learnt what", "信息披露" }
    /// What the statement compares.
    disclosure_lead() {
        "What all parties approved before the job ran, beside what was opened while it ran.",
        "任务运行前各方批准的披露内容，与运行中实际公开内容的对照。"
    }
    /// The verdict.
    opened_as_approved() {
        "Everything that was opened had been approved.", "实际公开的内容均在批准范围之内。"
    }
    /// The verdict that must never be.
    opened_more_than_approved() {
        "Something was opened that had not been approved. Do not use these results; report the \
         defect.",
        "公开了未经批准的内容。请勿使用本次结果，并报告该缺陷。"
    }
    /// Where hashes of messages are.
    where_the_record_is(digest) {
        "The full record, with hashes of all messages, is in audit.jsonl beside this page. It and your \
         partner's, of the same job digest {digest}, can be checked against each other: tombolo \
         audit compare.",
        "完整记录（含全部消息的哈希值）见同目录下的 audit.jsonl。可用 tombolo audit compare 与合作方的记录互相核对，\
         双方的任务摘要须同为 {digest}。"
    }

    /// Heading: what the run took.
    time_and_traffic() { "Time and traffic", "用时与流量" }
    /// Whose measurements these are.
    seen_from(party) { "Measured at {party}.", "以 {party} 一侧的测量为准。" }
    /// What time and traffic leave out.
    went_on_behind(step, number) {
        "{step}: an earlier run was stopped, and this one went on behind its pass or tree {number}. \
         Time, traffic and the hashes in the record are of this run; what was opened counts both.",
        "{step}：此前的运行曾中断，本次从其第 {number} 轮（棵树）之后继续。用时、流量与记录中的哈希值仅属本次运行；\
         公开的信息两次合计。"
    }
    /// A step.
    alignment() { "Alignment", "样本对齐" }
    /// A step.
    payload() { "Columns of the common rows", "共有行的附加字段" }
    /// A step.
    splitting(split) { "Rows, {split}", "样本划分（{split}）" }
    /// A step.
    preparing(split) { "Features, {split}", "特征准备（{split}）" }
}
