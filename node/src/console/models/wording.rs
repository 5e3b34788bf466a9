//! What pages about models say, in both languages.

report::messages! {
    models() { "Models", "模型" }
    model() { "Model", "模型" }
    what_models_are() {
        "What runs have trained. Jobs that score use the published version; each party publishes its own part.",
        "任务训练得到的模型。评分任务使用已发布的版本；各方分别发布己方部分。"
    }
    no_models() {
        "No model yet. Register one on the page of a finished run that trained it.",
        "尚无模型。可在已完成的训练任务页面登记。"
    }
    published_version() { "Published version", "已发布版本" }
    none_published() { "none", "无" }
    newest_version() { "Newest version", "最新版本" }
    quality() { "Quality", "效果" }
    quality_elsewhere() {
        "known to the party with the label alone",
        "仅标签方知晓"
    }
    waiting() { "waits for a decision", "待审批" }
    published() { "published", "已发布" }
    replaced() { "replaced by another version", "已被其他版本替换" }
    refused() { "refused", "已拒绝" }
    refused_because(reason) { "refused: {reason}", "已拒绝：{reason}" }
    retired() { "retired", "已停用" }
    registered_by(name) { "registered by {name}", "由 {name} 登记" }
    decided_by(decision, name) { "{decision} by {name}", "{name}：{decision}" }
    history() { "Who did what", "操作记录" }
    run() { "Run", "任务" }
    file_digest() { "Digest of this party’s file", "己方模型文件摘要" }
    publish(number) { "Publish version {number}", "发布第 {number} 版" }
    go_back(number) { "Go back to version {number}", "回退至第 {number} 版" }
    refuse(number) { "Refuse version {number}", "拒绝第 {number} 版" }
    retire(number) { "Retire version {number} for good", "永久停用第 {number} 版" }
    four_eyes() {
        "Whoever registered a version does not publish it, unless nobody else may.",
        "登记者不能发布同一版本，除非没有其他有权限的人员。"
    }
    trained_here() { "Models of this run", "此任务的模型" }
    register() { "Register this model", "登记此模型" }
    registered_as(number) { "registered as version {number}", "已登记为第 {number} 版" }
}

#[cfg(test)]
mod tests {
    use super::ENTRIES;

    #[test]
    fn every_message_is_in_both_languages() {
        assert_eq!(report::message::problems(ENTRIES, &[]), Vec::<String>::new());
    }
}
