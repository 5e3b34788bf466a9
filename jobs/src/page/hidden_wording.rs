//! The texts on hidden scores and hidden rows.

report::messages! {
    /// How far figures about hidden scores can be trusted.
    hidden_scores(bound) {
        "Nobody saw a joint score: the figures are those of scores rounded to bands of 0.024 in \
         log-odds. The AUC of the scores themselves is within {bound} of the one shown; there is \
         no interval, no curve and no table of scores.",
        "任何一方都未见到联合得分：指标基于按 0.024（对数几率）分段取整的得分计算。得分本身的 AUC 与所示值\
         相差不超过 {bound}；不提供区间、曲线和得分表。"
    }
    /// The same of a forest, whose scores are probabilities.
    hidden_probabilities(bound) {
        "Nobody saw a joint score: the figures are those of probabilities rounded to bands of \
         1/1024. The AUC of the probabilities themselves is within {bound} of the one shown; there \
         is no interval, no curve and no table of scores.",
        "任何一方都未见到联合得分：指标基于按 1/1024（概率）分段取整的概率计算。概率本身的 AUC 与所示值\
         相差不超过 {bound}；不提供区间、曲线和得分表。"
    }
    /// Whose figures about numbers are.
    hidden_numbers() {
        "Nobody saw a joint prediction: the figures come from sums over the test rows, and only these \
         were opened. There is no table of predictions.",
        "任何一方都未见到联合预测值：指标由测试行上的总和得出，且仅公开这些总和；不提供预测值表。"
    }
    /// What the two models of hidden rows were fitted on and judged by.
    hidden_rows(guest, rows) {
        "Nobody learnt which rows are common. The joint model was fitted on the common training \
         rows and is judged on the common test rows. That of {guest} alone was fitted on all its \
         training rows and is judged, by {guest} itself, on all its {rows} test rows, common or \
         not: its figures over the common ones would tell which these are. If the common rows are \
         unlike the others, part of the difference comes from that. The places of rows are random, \
         so that another run gives somewhat different figures.",
        "任何一方都不知道哪些行是共有的。联合模型在共有的训练行上拟合，在共有的测试行上评估。{guest} 的单方模型在其自有的\
         全部训练行上拟合，并由 {guest} 自行在其全部 {rows} 个测试行（无论是否共有）上评估：若只在共有行上评估，\
         指标会透露哪些行是共有的。若共有行与其余行不同，部分差异即源于此。行的位置每次随机，因此再次运行的指标会略有不同。"
    }
    /// Why a figure is missing over hidden rows.
    no_explained_variance() {
        "There is no R²: the labels of the common test rows are spread far more or far less than \
         those of all test rows, so that a few labels decide it, and it would tell whether their \
         rows are common.",
        "未给出 R²：共有测试行的标签的离散程度远大于或远小于全部测试行，它由少数标签决定，给出它会透露这些行是否共有。"
    }
    /// The guest's own model over hidden rows.
    alone_on_own_rows(guest) {
        "{guest} alone, on all its test rows", "{guest} 单独建模（其全部测试行）"
    }
    /// The figure of the guest's own model over hidden rows.
    alone_on_own_rows_is(guest, value) {
        "{guest} alone, on all its test rows: {value}", "{guest} 单独（其全部测试行）：{value}"
    }
}
