//! The texts of charts and report pages.

crate::messages! {
    /// Two sentences one after the other.
    joined(first, second) { "{first} {second}", "{first}{second}" }
    /// Something said aside.
    in_brackets(text) { "({text})", "（{text}）" }
    /// A number after the sign that judges it.
    signed(sign, value) { "{sign} {value}", "{sign} {value}" }
    /// What a chart without data says.
    no_data() { "No data to show", "暂无数据" }
    /// The heading of a column of names.
    name() { "Name", "名称" }
    /// That a long list was cut.
    first_of(shown, total) {
        "The first {shown} of {total} are shown.", "共 {total} 项，仅显示前 {shown} 项。"
    }

    /// The line that a score without any knowledge gives.
    chance() { "Chance", "随机" }
    /// The line of an order that puts every positive first.
    perfect_order() { "Perfect order", "理想排序" }
    /// The line of probabilities that always come true.
    perfect_calibration() { "Perfect calibration", "完全校准" }
    /// The rows that the label calls 1.
    positives() { "Positives", "正样本" }
    /// The rows that the label calls 0.
    negatives() { "Negatives", "负样本" }
    /// Axis: the part of all customers, from the highest score down.
    share_contacted() { "Share of customers, highest scores first", "客户占比（分数由高到低）" }
    /// Axis: the part of one class.
    share_of_class() { "Share of the class", "占本类样本比例" }
    /// Axis: the part of all positives.
    share_of_positives() { "Share of positives found", "捕获正样本比例" }
    /// Axis: the part of all rows.
    share_of_rows() { "Share of rows", "样本占比" }

    /// Title of the ROC chart.
    roc_title() { "ROC curve", "ROC 曲线" }
    /// How to read the ROC chart.
    roc_description() {
        "Each point is a cut-off: how many positives it finds for how many false alarms. \
         The further the curve bends to the upper left, the better the score tells the classes \
         apart.",
        "每个点对应一个阈值：横轴为误报比例，纵轴为捕获的正样本比例。曲线越靠近左上角，区分能力越强。"
    }
    /// Axis of the ROC chart.
    false_positive_rate() { "False positive rate", "假正率" }
    /// Axis of the ROC chart.
    true_positive_rate() { "True positive rate", "真正率" }
    /// A score's name with its area under the ROC curve.
    score_auc(score, auc) { "{score}, AUC {auc}", "{score}，AUC {auc}" }

    /// Title of the precision and recall chart.
    precision_recall_title() { "Precision and recall", "精确率与召回率" }
    /// How to read the precision and recall chart.
    precision_recall_description() {
        "How many of those selected are positive, against how many of all positives are selected.",
        "纵轴为被选客户中正样本的比例，横轴为被选中的正样本占全部正样本的比例。"
    }
    /// The share of positives among those selected.
    precision() { "Precision", "精确率" }
    /// The share of all positives that is selected.
    recall() { "Recall", "召回率" }

    /// Title of the KS chart.
    ks_title(score) { "KS curve: {score}", "KS 曲线：{score}" }
    /// How to read the KS chart.
    ks_description() {
        "How fast positives and negatives are collected from the highest score down. \
         KS is the largest distance between the two curves.",
        "按分数由高到低累计正、负样本的比例，两条曲线的最大距离即 KS。"
    }
    /// The label of the largest distance.
    ks_at(ks, share) { "KS {ks} at {share}", "KS {ks}（前 {share}）" }

    /// Title of the gains chart.
    gains_title() { "Cumulative gains", "累计增益曲线" }
    /// How to read the gains chart.
    gains_description() {
        "The part of all positives that is reached when only the customers with the highest scores \
         are contacted.",
        "只触达分数最高的一部分客户时，能够覆盖全部正样本的比例。"
    }
    /// Title of the lift chart.
    lift_title() { "Lift", "提升度曲线" }
    /// How to read the lift chart.
    lift_description() {
        "How many times more positives than by chance among the customers with the highest scores.",
        "分数最高的客户中，正样本的比例是随机选取的多少倍。"
    }
    /// Axis of the lift chart.
    lift_axis() { "Lift over chance", "相对随机的倍数" }

    /// Title of the calibration chart.
    calibration_title() { "Calibration", "校准曲线" }
    /// How to read the calibration chart.
    calibration_description() {
        "Rows in groups by predicted probability: what was predicted against what came true. \
         Dots on the dotted line are right on average.",
        "按预测概率分组，比较预测值与实际发生率；落在虚线上表示平均而言预测准确。"
    }
    /// Axis of the calibration chart.
    predicted_probability() { "Predicted probability", "预测概率" }
    /// Axis of the calibration chart.
    observed_rate() { "Observed rate", "实际发生率" }

    /// Title of the profit chart.
    profit_title() { "Profit", "收益曲线" }
    /// How to read the profit chart.
    profit_description() {
        "What remains after the cost of contacting the customers with the highest scores, \
         at the stated cost per contact and value per conversion.",
        "按给定的单次触达成本与单个转化价值，触达分数最高的客户后所得的净收益。"
    }
    /// Axis of the profit chart.
    profit_axis(currency) { "Profit ({currency})", "净收益（{currency}）" }
    /// The share with the largest profit.
    best_cut_off(share, profit) { "best at {share}: {profit}", "最优 {share}：{profit}" }
    /// The share beyond which money is lost.
    break_even(share) { "break-even at {share}", "盈亏平衡 {share}" }

    /// Title of a chart of weights of evidence.
    evidence_title(feature, value) { "{feature}, IV {value}", "{feature}，IV {value}" }
    /// How to read a chart of weights of evidence.
    evidence_description() {
        "Weight of evidence per bin as bars, the share of positives as a line. \
         Bars of alternating height without a trend often mean noise.",
        "柱为各分箱的证据权重（WOE），折线为正样本比例。忽高忽低而无趋势的分箱多为噪声。"
    }
    /// Axis of a chart of weights of evidence.
    weight_of_evidence() { "Weight of evidence", "证据权重（WOE）" }
    /// Axis: the share of positives.
    event_rate() { "Event rate", "正样本比例" }
    /// A bin of a feature.
    bin() { "Bin", "分箱" }

    /// Title of the chart of features by importance.
    importance_title() { "Feature importance", "特征重要性" }
    /// How to read the chart of features by importance.
    importance_description() {
        "What the joint model relies on. A partner's features carry the names that it agreed to show.",
        "联合模型所依赖的特征。合作方特征仅以其同意展示的名称出现。"
    }
    /// Legend: features of the label holder.
    guest_feature() { "Guest's features", "发起方特征" }
    /// Legend: features of the partner.
    host_feature() { "Host's features", "合作方特征" }

    /// Title of the chart of scores by class.
    distribution_title(score) { "Score distribution: {score}", "分数分布：{score}" }
    /// How to read the chart of scores by class.
    distribution_description() {
        "How the rows of each class spread over the score groups. The less the classes overlap, \
         the better.",
        "两类样本在各分数段中的分布，重叠越少越好。"
    }
    /// A range of scores.
    score_group() { "Score group", "分数段" }

    /// Title of a stability chart.
    stability_title(name, index) { "{name}, stability index {index}", "{name}，稳定性指标 {index}" }
    /// How to read a stability chart.
    stability_description() {
        "The share of rows per group in training and in test. By convention an index up to 0.10 is \
         stable, from 0.25 on the population has changed.",
        "训练集与测试集在各分数段的样本占比。通常指标不超过 0.10 为稳定，0.25 及以上说明客群已变化。"
    }
    /// Rows used for fitting.
    training_rows() { "Training rows", "训练集" }
    /// Rows used for nothing but measuring.
    test_rows() { "Test rows", "测试集" }

    /// Title of the correlation table.
    correlation_title() { "Correlations", "相关系数" }
    /// How to read the correlation table.
    correlation_description() {
        "Blue cells rise together, orange cells move against each other; blank pairs stay below \
         the agreed threshold and were not opened.",
        "蓝色为同向变化，橙色为反向变化；空白表示低于约定阈值，未予公开。"
    }

    /// Who may see the page.
    seen_by(party) { "Seen by {party} only", "仅 {party} 可见" }
    /// The heading of the page's own contents.
    contents() { "Contents", "目录" }
    /// The disclosure triangle above the numbers of a chart.
    show_numbers() { "Show the numbers", "查看数据" }
    /// The button that changes light and dark.
    change_theme() { "Light / dark", "浅色 / 深色" }

    /// Provenance: measured on real data.
    provenance_real() { "real data", "真实数据" }
    /// Provenance: measured on simulated data.
    provenance_simulated() { "simulated", "模拟数据" }
    /// Provenance: stated by somebody, not measured here.
    provenance_claimed() { "claimed", "对方声称" }
    /// What the provenance tag of real data means.
    provenance_real_meaning() {
        "computed in this job from real data", "由本任务基于真实数据计算得出"
    }
    /// What the provenance tag of simulated data means.
    provenance_simulated_meaning() {
        "computed in this job, but from simulated data", "由本任务计算得出，但数据为模拟生成"
    }
    /// What the provenance tag of a claim means.
    provenance_claimed_meaning() {
        "somebody's statement, not checked by this job", "他方陈述，本任务未予核实"
    }

    /// Heading of a column of metrics.
    metric() { "Metric", "指标" }
    /// Heading of a column of differences.
    difference() { "Difference", "差异" }
    /// Heading of a column of intervals.
    interval() { "95% interval", "95% 置信区间" }
    /// What the signs of a comparison mean.
    comparison_legend() {
        "▲ better and ▼ worse beyond chance · ≈ the interval holds 0: no difference shown",
        "▲ 显著更好，▼ 显著更差 · ≈ 区间包含 0，未显示出差异"
    }
    /// An interval from one number to another.
    from_to(low, high) { "{low} to {high}", "{low} 至 {high}" }

    /// A score or model of the label holder without any partner.
    guest_alone() { "Guest alone", "发起方单独建模" }
    /// The model of both parties.
    joint_model() { "Joint model", "联合模型" }
    /// The name of a metric.
    area_under_curve() { "AUC", "AUC" }
    /// The name of a metric.
    metric_ks() { "KS", "KS" }
    /// The name of a metric.
    metric_lift(share) { "Lift, top {share}", "前 {share} 提升度" }
    /// The name of a metric.
    metric_precision(share) { "Precision, top {share}", "前 {share} 精确率" }
    /// The name of a metric.
    metric_recall(share) { "Positives found, top {share}", "前 {share} 捕获率" }
    /// The name of a metric.
    metric_brier() { "Brier score", "Brier 分数" }

    /// Heading of a column of steps.
    step() { "Step", "步骤" }
    /// Heading of a column of durations.
    elapsed() { "Time", "用时" }
    /// Heading of a column of processor time.
    processor_time() { "CPU time", "CPU 时间" }
    /// Heading of a column of sent bytes.
    sent() { "Sent", "发送" }
    /// Heading of a column of received bytes.
    received() { "Received", "接收" }
    /// Heading of a column of rounds.
    rounds() { "Rounds", "通信轮次" }
    /// The row that sums up.
    total() { "Total", "合计" }

    /// Heading of a column of parties.
    who_learns() { "Who learns it", "获知方" }
    /// Heading of a column of disclosed things.
    what_is_learnt() { "What", "内容" }
    /// Heading of a column of kinds of disclosure.
    kind_of_disclosure() { "Kind", "类别" }
    /// Heading of a column of approved frequencies.
    approved() { "Approved", "批准" }
    /// Heading of a column of observed openings.
    observed() { "Observed", "实际" }
    /// Every party.
    every_party() { "every party", "各方" }
    /// An opening that was approved and happened.
    as_approved() { "● as approved", "● 符合批准" }
    /// An opening that was approved and did not happen.
    not_opened() { "○ not opened", "○ 未公开" }
    /// Something that nobody sends but that follows from the results.
    follows_from_results() { "◇ follows", "◇ 可由结果推知" }
    /// An opening that nobody approved.
    not_approved() { "▲ NOT approved", "▲ 未经批准" }
    /// The verdict before a job has run.
    not_run_yet() { "not run yet", "尚未运行" }
    /// How many values were opened.
    values_opened(count) { "{count} opened", "公开 {count} 个值" }

    /// Heading of an honest remark.
    remark() { "Note", "说明" }
    /// Heading of a warning.
    caution() { "Caution", "注意" }

    /// Heading of a column of score bands.
    score_band() { "Band", "分数段" }
    /// Heading of a column of row counts.
    rows() { "Rows", "样本数" }
    /// Heading of a column of shares.
    share() { "Share", "占比" }
    /// Heading of a column of rates.
    rate() { "Rate", "正样本率" }
    /// Heading of a column of cumulative shares of rows.
    cumulative_rows() { "Cum. rows", "累计占比" }
    /// Heading of a column of cumulative shares of positives.
    cumulative_positives() { "Cum. positives", "累计正样本占比" }
    /// Heading of a column of lifts.
    lift() { "Lift", "提升度" }
    /// Heading of a column of cumulative lifts.
    cumulative_lift() { "Cum. lift", "累计提升度" }
    /// Heading of a column of features.
    feature() { "Feature", "特征" }
    /// Heading of a column of owners.
    owner() { "Party", "所属方" }
    /// Heading of a column of numbers of bins.
    bins() { "Bins", "分箱数" }
    /// Heading of a column of information values.
    information_value() { "Information value", "信息值（IV）" }
    /// Heading of a column of words for information values.
    strength() { "Strength", "区分力" }
    /// Below 0.02.
    strength_none() { "none", "无" }
    /// Below 0.1.
    strength_weak() { "weak", "弱" }
    /// Below 0.3.
    strength_medium() { "medium", "中等" }
    /// Below 0.5.
    strength_strong() { "strong", "强" }
    /// From 0.5 on: often a column that knows the label already.
    strength_suspicious() { "suspiciously strong", "过强，需核查" }
    /// Heading of a column of decisions about features.
    outcome() { "Outcome", "结果" }
    /// Heading of a column of distances between the cumulative classes.
    distance() { "KS", "KS 值" }
}
