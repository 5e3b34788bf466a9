//! The texts on models that recommend items.

report::messages! {
    /// A split that keeps one interaction of each user.
    split_leave_one_out() { "one interaction of each user left out", "每个用户留出一条交互" }
    /// What the first section answers.
    recommendation_lead(guest, host) {
        "What {host}'s columns add to what {guest} knows, measured on interactions that were left \
         out of training: where each model ranks them among all items that the user did not have.",
        "在训练时留出的交互上，衡量 {host} 的特征在 {guest} 已有信息之外带来的提升：每个模型将留出的物品排在该用户\
         尚未拥有的全部物品中的什么位置。"
    }
    /// What the host got.
    host_factors_lead() {
        "What training left with you: the factors of your own columns, and nothing about single \
         users' interactions.",
        "训练结束后留在己方的内容：己方各列的因子，不含任何单个用户的交互记录。"
    }
    /// Why the host sees no figure.
    host_sees_no_figure(guest) {
        "How good the lists are is measured by interactions, which only {guest} has; the figures are \
         on its page.",
        "推荐效果须用交互记录衡量，而交互记录仅 {guest} 持有；相关指标见其报告。"
    }
    /// A metric.
    mean_auc() { "AUC, mean of the users", "AUC（用户平均）" }
    /// A metric.
    ndcg(places) { "NDCG@{places}", "NDCG@{places}" }
    /// A metric.
    hit_rate(places) { "Hit rate@{places}", "命中率@{places}" }
    /// A metric: the share of items that somebody gets.
    coverage() { "Share of items that are shown to somebody", "被展示给至少一个用户的物品占比" }
    /// The ranking that is the same for everybody.
    popularity() { "by popularity", "按热门程度" }
    /// A label of a figure.
    judged_users() { "Users in the test", "测试用户数" }
    /// What is behind the number of users.
    of_items(items) { "of {items} items", "共 {items} 个物品" }

    /// Remark: the interval of the gain holds 0.
    no_measurable_gain(guest, value, low, high) {
        "No measurable gain: NDCG differs by {value} and the 95% interval from {low} to {high} \
         holds 0. On these users the joint ranking cannot be told from that of {guest} alone.",
        "未测得提升：NDCG 相差 {value}，95% 置信区间 {low} 至 {high} 包含 0。在这些用户上，联合排序与 {guest} \
         单独的排序无法区分。"
    }
    /// Remark: the interval of the gain is below 0.
    ranks_worse(guest, value, low, high) {
        "The joint model ranks worse than {guest} alone: NDCG differs by {value} (95% interval {low} \
         to {high}).",
        "联合模型的排序劣于 {guest} 单独建模：NDCG 相差 {value}（95% 置信区间 {low} 至 {high}）。"
    }

    /// Heading of the chart of hit rates.
    hit_rates() { "Hit rate by the length of the list", "命中率与列表长度" }
    /// How to read it.
    hit_rates_meaning() {
        "The share of test users with an item that they really took among the first places.",
        "在前若干个位置中出现其实际选择的物品的测试用户占比。"
    }
    /// An axis.
    places() { "places looked at", "列表长度" }
    /// An axis.
    share_of_users() { "share of users", "用户占比" }
    /// Heading of the chart by history.
    by_history(places) { "NDCG@{places} by the length of the history", "NDCG@{places} 与历史长度" }
    /// How to read it.
    by_history_meaning() {
        "Users by the number of items in their history (how many users in brackets): a partner's \
         columns matter most where the history says little.",
        "按历史物品数分组（括号内为用户数）：历史越短，合作方的特征越重要。"
    }
    /// An axis.
    items_in_history() { "items in the history", "历史物品数" }
    /// A group of users.
    group(items, users) { "{items} ({users})", "{items}（{users}）" }

    /// Heading of the own part.
    own_factors_in(step) { "Lengths of own factors: {step}", "己方因子的长度：{step}" }
    /// How to read it at the guest.
    item_factors_meaning() {
        "Items whose factor vectors are longest: those whose scores differ most from user to user. \
         A single number in a vector means nothing by itself.",
        "因子向量最长的物品：其得分在不同用户间差别最大。向量中的单个数值本身没有含义。"
    }
    /// How to read it at the host.
    column_factors_meaning() {
        "Prepared columns whose factor vectors are longest: those that move a user's ranking most, \
         per standard deviation. Which items they move is not known to you.",
        "因子向量最长的特征：每变化一个标准差对用户排序影响最大。具体影响哪些物品，己方无从得知。"
    }
    /// What the lengths are.
    length_of_factors() { "length of the vector", "向量长度" }
    /// How the model was trained, at the guest.
    trained_on(interactions, items, left_out) {
        "Interactions that were trained on: {interactions}. Items: {items}. Left out for the test: \
         {left_out}.",
        "训练所用交互 {interactions} 条，物品 {items} 个；留出用于测试 {left_out} 条。"
    }
    /// The same at the host.
    trained_at_host(columns) {
        "Prepared columns of yours: {columns}. What the items are, and how many interactions there \
         are, only the guest knows.",
        "己方特征 {columns} 个。有哪些物品、多少条交互，仅发起方知晓。"
    }

    /// Heading of the table of items.
    most_recommended() { "The items that most users get", "推荐次数最多的物品" }
    /// Heading of a column.
    item() { "Item", "物品" }
    /// Heading of a column.
    users_who_get_it() { "Users whose list has it", "列表中含该物品的用户数" }
    /// Where the lists are.
    where_the_lists_are(file) {
        "{file} has the list of each user, with your key: items that are new to it by all of its \
         history, the best first, with the scores of both models. Scores are for ranking; they are \
         no probabilities.",
        "每个用户的列表（连同己方的键）见 {file}：依据其全部历史，只含对其而言新的物品，最优者在前，并附两个模型的得分。\
         得分仅用于排序，并非概率。"
    }
    /// The same of lists whose joint scores nobody saw.
    where_the_hidden_lists_are(file) {
        "{file} has the list of each user, with your key: items that are new to it by all of its \
         history, the best first, with the scores of your own model. Nobody saw those of the joint \
         one.",
        "每个用户的列表（连同己方的键）见 {file}：依据其全部历史，只含对其而言新的物品，最优者在前，并附己方模型的得分。\
         联合模型的得分对任何一方都不可见。"
    }
    /// What new users got.
    recommended_lead(step, job, users) {
        "The model {step} of the job {job} ranked its items for {users} users. Nothing was fitted \
         to them.",
        "由任务 {job} 的模型 {step} 为 {users} 个用户对物品排序，未对这些用户做任何拟合。"
    }
    /// What the host gets.
    lists_are_the_guests(guest) {
        "The lists are {guest}'s. You learnt for how many users, and nothing about them.",
        "推荐列表归 {guest} 所有。己方仅得知用户数，不知其内容。"
    }
    /// The same where the items were compared with both parties' help.
    hidden_lists_are_the_guests(guest) {
        "The lists are {guest}'s. You learnt for how many users and among how many items, and \
         nothing else about them.",
        "推荐列表归 {guest} 所有。己方仅得知用户数和物品数，不知其内容。"
    }
}
