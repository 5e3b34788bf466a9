//! The texts on models of several classes.

report::messages! {
    /// A metric.
    accuracy() { "Accuracy", "准确率" }
    /// A metric: the mean of the classes' areas.
    macro_auc() { "AUC, mean of the classes", "AUC（各类平均）" }
    /// The same, weighted by rows.
    weighted_auc() { "AUC, classes by their rows", "AUC（按类别样本数加权）" }
    /// A metric: the mean of the classes' F1.
    macro_f1() { "F1, mean of the classes", "F1（各类平均）" }
    /// Heading of the chart of actual and predicted classes.
    confusion_of(score) { "Confusion matrix: {score}", "混淆矩阵：{score}" }
    /// How to read the matrix.
    confusion_meaning() {
        "Test rows by what they are (lines) and what the model takes them for (columns): the class \
         with the largest probability. The diagonal is right.",
        "测试样本数：行为实际类别，列为模型判定的类别（概率最大者）。对角线为判定正确。"
    }
    /// Heading of the table of classes.
    by_class() { "Class by class, against all others", "逐类指标（该类对其余各类）" }
    /// What the table of classes shows.
    by_class_meaning() {
        "Precision: the share of right ones among the rows that the joint model takes for the \
         class. Recall: the share of the class's rows that it finds. F1 is their harmonic mean. \
         AUC: how well the probability of the class puts its rows before all others.",
        "精确率：联合模型判为该类的样本中判对的比例；召回率：该类样本中被判出的比例；F1 为两者的调和平均；\
         AUC：该类概率将该类样本排在其余样本之前的能力。"
    }
    /// Heading of a column of classes.
    class() { "Class", "类别" }
    /// A class of which only the number is known.
    class_number(number) { "class {number}", "类别 {number}" }
    /// Heading.
    precision() { "Precision", "精确率" }
    /// Heading.
    recall() { "Recall", "召回率" }
    /// Heading.
    f1() { "F1", "F1" }
    /// A figure of the guest's own model.
    of_alone(metric, guest) { "{metric}, {guest} alone", "{metric}（{guest} 单独）" }
    /// How many classes there are.
    classes_among_them(count) { "of {count} classes", "共 {count} 个类别" }

    /// Heading of the chart of coefficients of classes.
    own_class_coefficients(step) {
        "Own coefficients by class: {step}", "己方各类别系数：{step}"
    }
    /// How to read it at the guest.
    class_coefficients_meaning() {
        "Change of a class's score, before the softmax, per standard deviation of the prepared \
         feature. The coefficients of a feature add up to 0 over the classes; the partner's are \
         the partner's.",
        "特征每变化一个标准差所引起的该类别得分（softmax 之前）的变化。同一特征在各类别上的系数之和为 0；\
         对方的系数仅对方可见。"
    }
    /// What the host does not know about it.
    class_names_are_the_guests(guest) {
        "Classes are numbered in the order of their names, which only {guest} knows.",
        "类别按名称顺序编号；名称仅 {guest} 知晓。"
    }
    /// How a model of classes was trained.
    classes_trained_in(passes, classes) {
        "Passes over the data: {passes}. Classes: {classes}.", "遍历数据 {passes} 次；共 {classes} 个类别。"
    }

    /// Heading of the table of predicted classes of new rows.
    predicted_classes() { "What the rows are taken for", "各行的判定类别" }
    /// What a row is taken for.
    predicted_meaning() {
        "Rows by the class with the largest probability.", "按概率最大的类别统计的行数。"
    }
}
