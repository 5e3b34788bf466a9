//! What the node says to people, in both languages.

report::messages! {
    /// Nobody has signed in.
    unauthenticated() { "You are not signed in", "尚未登录" }
    /// How to.
    sign_in_first() {
        "Sign in, or send a token: Authorization: Bearer tombolo_…",
        "请先登录，或发送令牌：Authorization: Bearer tombolo_…"
    }
    /// Somebody has, who may not do this.
    forbidden() { "Your roles do not allow this", "您的角色无权执行此操作" }
    /// Who can help.
    ask_an_operator() { "Ask an operator of this node for the role", "请联系本节点的运维人员授予角色" }
    /// Somebody has a one-time password.
    must_choose_password() { "Choose a password of your own first", "请先设置自己的密码" }
    /// A form of another site, or of an earlier session.
    foreign_form() {
        "This form does not come from your session; load the page again",
        "此表单不属于当前会话，请重新加载页面"
    }
    /// Nothing is there.
    not_found() { "There is nothing here", "未找到该内容" }
    /// The path takes other methods.
    wrong_method() { "This path does not take that method", "该路径不支持此方法" }
    /// The body or the query is not what the endpoint takes.
    invalid() { "The request cannot be used as it is", "请求内容无效" }
    /// The body is not JSON.
    wrong_type() {
        "The body has to be JSON (Content-Type: application/json)",
        "请求体必须为 JSON（Content-Type: application/json）"
    }
    /// The body is too large.
    too_large() { "The request is too large", "请求过大" }
    /// It took too long.
    timed_out() { "It took too long", "处理超时" }
    /// Too many calls or tries.
    too_many() { "Too many requests", "请求过于频繁" }
    /// The node cannot do it now.
    unavailable() {
        "The node cannot do this at the moment; it goes on trying",
        "节点暂时无法处理，正在重试"
    }
    /// The program is at fault.
    internal() { "The node failed", "节点内部错误" }
    /// Where the cause stands.
    look_into_the_log() {
        "The node's log has the cause under the request's id",
        "原因见节点日志中该请求编号的记录"
    }
    /// The name or the password is wrong.
    wrong_password() { "The name or the password is wrong", "用户名或密码错误" }
    /// Partners, agreements, owners of data or a run's state say no.
    refused() { "This is not possible now", "当前无法执行此操作" }
    /// Its statement would change behind its signature.
    month_goes_on(month) {
        "The month {month} still goes on: its statement can be signed when it is over everywhere",
        "{month} 尚未结束，月份在各时区都结束后方可签署账单"
    }
    /// Somebody has the name.
    name_taken() { "Somebody has this name already", "该名称已被使用" }
    /// Nobody could run the node.
    last_operator() { "The last operator has to stay", "必须保留最后一名运维人员" }
}

#[cfg(test)]
mod tests {
    use super::ENTRIES;

    #[test]
    fn every_message_is_in_both_languages() {
        assert_eq!(report::message::problems(ENTRIES, &[]), Vec::<String>::new());
    }
}
