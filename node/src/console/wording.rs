//! Everything that the console says, in both languages.

report::messages! {
    skip() { "Skip to the content", "跳到正文" }
    pages() { "Pages", "页面" }
    sign_out() { "Sign out", "退出登录" }
    sign_in() { "Sign in", "登录" }
    user_name() { "Name", "用户名" }
    password() { "Password", "密码" }
    present_password() { "Present password", "当前密码" }
    new_password() { "New password", "新密码" }
    new_password_again() { "New password once more", "再次输入新密码" }
    choose_password() { "Choose a password", "设置密码" }
    password_rule() {
        "Twelve characters or more; length counts, not odd signs.",
        "至少 12 个字符；长度最重要，不要求特殊符号。"
    }
    passwords_differ() { "The two new passwords are not the same", "两次输入的新密码不一致" }
    wrong_present_password() { "The present password is wrong", "当前密码不正确" }
    weak_password() {
        "The new password is too easy to guess: 12 characters or more, not the name, not the old one",
        "新密码过于简单：须不少于 12 个字符，不能与用户名相近，不能与旧密码相同"
    }
    wait_for(seconds) {
        "Too many failed tries; try again in {seconds} s",
        "失败次数过多，请在 {seconds} 秒后重试"
    }
    not_allowed() { "You may not do this", "无权执行此操作" }
    needs_role(roles) {
        "This needs the role {roles}. An operator of this node can give it.",
        "此操作需要以下角色之一：{roles}。可由本节点的运维管理员授予。"
    }
    not_taken() { "The form was not taken", "表单未被受理" }
    not_done() { "This was not done", "操作未完成" }
    not_found_advice() {
        "The address is wrong, or what it named is gone. The bar leads to everything there is.",
        "地址有误，或其内容已不存在。可通过导航栏查看全部内容。"
    }
    just_now() { "just now", "刚刚" }
    minutes_ago(count) { "{count} min ago", "{count} 分钟前" }
    hours_ago(count) { "{count} h ago", "{count} 小时前" }
    days_ago(count) { "{count} d ago", "{count} 天前" }
    items_of(range, total) { "{range} of {total}", "第 {range} 项，共 {total} 项" }
    earlier() { "Earlier", "上一页" }
    later() { "Later", "下一页" }
    show() { "Show", "查看" }
    go_on() { "Continue", "继续" }
    change() { "Change", "更改" }
    state() { "State", "状态" }
    what() { "What", "内容" }
    when() { "When", "时间" }
    who() { "Who", "操作者" }
    since() { "Since", "等待时长" }
    number() { "Number", "编号" }
    reason() { "Reason", "原因" }
    remark() { "Remark", "意见" }
    is_needed() { "This is needed", "此项必填" }
    from_to(least, most) { "A number from {least} to {most}", "须为 {least} 至 {most} 之间的数" }
    not_a_number() { "This is no whole number", "须为数字" }
    not_a_day() { "A day is written 2027-06-30", "日期格式为 2027-06-30" }
    not_a_month() { "A month is written 2027-06", "月份格式为 2027-06" }

    inbox() { "Inbox", "待办" }
    partners() { "Partners", "合作方" }
    data() { "Data", "数据" }
    agreements() { "Agreements", "合作协议" }
    jobs() { "Jobs", "任务" }
    trust() { "Trust", "存证与计量" }
    people() { "People", "人员" }
    settings() { "Settings", "设置" }

    for_me() { "For me", "待我处理" }
    for_others() { "Waiting for others", "等待对方" }
    nothing_for_me() { "Nothing waits for you.", "没有待您处理的事项。" }
    nothing_for_others() { "You wait for nobody.", "没有等待对方处理的事项。" }
    more_waits(count) { "{count} more are not shown.", "另有 {count} 项未显示。" }
    health() { "Health", "运行状况" }
    lines_open(open, all) { "{open} of {all} partners connected", "已连接合作方 {open} / {all}" }
    kept_here(tables, agreements) {
        "{tables} tables, {agreements} agreements",
        "数据表 {tables} 张，协议 {agreements} 份"
    }
    recent_runs() { "Recent runs", "最近任务" }
    no_runs() {
        "No run yet: a run is a job file under an agreement that is in force.",
        "尚无任务。任务由任务文件发起，须有生效中的协议。"
    }
    to_sign(title, number) {
        "Agreement “{title}”, version {number}: sign or refuse",
        "协议“{title}”第 {number} 版：待签署"
    }
    other_to_sign(who, title, number) {
        "{who} has not signed agreement “{title}”, version {number}",
        "等待 {who} 签署协议“{title}”第 {number} 版"
    }
    to_approve(name) { "Run “{name}”: approve or refuse", "任务“{name}”：待审批" }
    other_to_approve(who, name) { "{who} has not approved run “{name}”", "等待 {who} 审批任务“{name}”" }
    to_start(who, name) { "Run “{name}”: {who} has not begun", "任务“{name}”：等待 {who} 启动" }
    to_reach(who, name, step) {
        "Run “{name}”: {who} has not reached step {step}",
        "任务“{name}”：等待 {who} 进入第 {step} 步"
    }
    to_be_reached(who, name) { "Run “{name}”: {who} cannot be reached", "任务“{name}”：暂时无法连接 {who}" }
    to_finish(who, name) { "Run “{name}”: {who} has not finished", "任务“{name}”：等待 {who} 完成" }
    to_retry(name) { "Run “{name}” failed: try again or cancel", "任务“{name}”失败：请重试或取消" }
    other_to_retry(who, name) {
        "Run “{name}” failed: {who} can try again or cancel",
        "任务“{name}”失败：等待 {who} 重试或取消"
    }
    why_invite() { "Two organisations first become partners.", "两家机构先建立互信，成为合作方。" }
    why_table() {
        "Your data stay in the node’s folder; only their columns are described.",
        "数据始终留在本节点目录中，仅登记字段说明。"
    }
    why_agreement() {
        "An agreement says what may run on which columns, and who learns what.",
        "协议约定哪些字段可用于哪些计算，以及各方可获知的内容。"
    }
    done_by(roles) { "done by: {roles}", "由{roles}执行" }

    invite_partner() { "Invite a partner", "邀请合作方" }
    organisation() { "Organisation", "机构" }
    partner() { "Partner", "合作方" }
    software() { "Software", "软件版本" }
    no_partners() { "No partner yet. Invite one, or accept an invitation.", "尚无合作方。可发出邀请，或接受邀请。" }
    meant_for() { "For whom is it meant", "邀请对象" }
    days_to_accept() { "Days to accept it (1 to 30)", "有效天数（1 至 30）" }
    write_invitation() { "Write an invitation", "生成邀请" }
    have_invitation() { "Accept an invitation", "接受邀请" }
    invitation_line() { "The line that you got", "收到的邀请码" }
    accept_invitation() { "Accept and connect", "接受并连接" }
    invitation_written() { "The invitation", "邀请码" }
    send_invitation() {
        "Send this line to one person there. Whoever has it can accept it once. It is not shown again.",
        "请将此邀请码发送给对方的一位联系人。持有者可使用一次，且不再显示。"
    }
    accepted_until() { "Accepted until", "有效期至" }
    connected() { "connected", "已连接" }
    not_connected() { "not connected", "未连接" }
    no_line() { "no line", "无连接" }
    blocked() { "blocked", "已屏蔽" }
    introduced_only() { "introduced, no partner yet", "经引荐，尚未合作" }
    forked() {
        "Two cards of this member lead to different keys: one was stolen. Call it, compare pair codes, and block it.",
        "该机构的两份名片指向不同密钥，说明其中一把已被盗用。请致电对方核对配对码，并在澄清前屏蔽该机构。"
    }
    blocked_because(reason) { "Blocked here: {reason}", "屏蔽原因：{reason}" }
    only_dials() { "none: this node only dials", "无（仅主动连接）" }
    contact() { "Contact", "联系人" }
    address() { "Address", "地址" }
    first_key() { "First key (the member’s name for good)", "首个密钥（机构的永久标识）" }
    last_heard() { "Last heard of", "最近联系" }
    round_trip() { "Round trip", "往返时延" }
    letters() { "Letters", "消息" }
    letters_both(received, acknowledged) {
        "{received} received, {acknowledged} delivered",
        "已接收 {received}，已送达 {acknowledged}"
    }
    next_try() { "Next try", "下次重试" }
    last_error() { "Last error", "最近错误" }
    pair_code() { "Pair code", "配对码" }
    compare_pair_code() {
        "Read these lines to each other over the telephone. If they are the same at both sides, nobody stands in between.",
        "请与对方通过电话核对以下内容。双方一致即表明中间无人冒充。"
    }
    connection() { "Connection", "连接" }
    connection_check() { "Connection check", "连接检测" }
    check_connection() { "Check the connection", "检测连接" }
    step_of_check(name) { "step: {name}", "检测项：{name}" }
    passed() { "passed", "通过" }
    warned() { "look at this", "请留意" }
    failed() { "failed", "失败" }
    skipped() { "not tried", "未检测" }
    step() { "Step", "步骤" }
    seen() { "Seen", "检测结果" }
    their_data() { "What they show of their data", "对方数据目录" }
    adopt(name) { "Trust the introduction of {name}", "信任 {name} 的引荐" }
    block_title() { "Stop working together", "停止合作" }
    what_blocking_does() {
        "Nothing is taken from a blocked member; its connections end at once.",
        "屏蔽后不再接收对方的任何消息，现有连接立即断开。"
    }
    block(name) { "Block {name}", "屏蔽 {name}" }
    unblock() { "End the block", "解除屏蔽" }

    add_table() { "Add a table", "登记数据表" }
    table() { "Table", "数据表" }
    tables() { "Tables", "数据表" }
    about() { "About", "说明" }
    columns() { "Columns", "字段" }
    column() { "Column", "字段" }
    kind() { "Kind", "类型" }
    file() { "File", "文件" }
    data_stays() {
        "Rows never leave this node. Partners see names and kinds of columns, as far as an agreement gives them.",
        "数据不出本节点。合作方仅能看到协议所提供字段的名称与类型。"
    }
    no_tables() {
        "No table yet. Add one to be able to give it in an agreement.",
        "尚无数据表。登记后方可在协议中提供。"
    }
    columns_hidden(count, hidden) {
        "{count} columns, {hidden} hidden",
        "{count} 个字段，隐藏 {hidden} 个"
    }
    registered() { "Registered", "登记时间" }
    legal_basis() { "Legal basis", "合法性基础" }
    allowed_partners() { "With", "允许的合作方" }
    allowed_partners_none() {
        "With these partners only (none ticked: with every partner)",
        "仅限以下合作方（均不勾选表示不限）"
    }
    allowed_purposes() { "For", "允许的用途" }
    every_partner() { "every partner", "全部合作方" }
    every_purpose() { "every purpose", "全部用途" }
    minimum_group() { "Smallest group shown (rows)", "可展示的最小分组（行数）" }
    valid_until() { "Valid until", "有效期至" }
    valid_until_perhaps() { "No use from this day on (UTC; empty: no end)", "自该日起停止使用（UTC，留空表示不限）" }
    no_end() { "no end", "不限" }
    hidden_column() { "hidden", "已隐藏" }
    seen_column() { "may be given", "可提供" }
    as_partners_see() { "As partners see it", "合作方视角" }
    who_may_use() { "Who may use it", "使用授权" }
    nobody_may_use() { "No agreement in force gives this table.", "目前没有生效协议提供此数据表。" }
    agreement() { "Agreement", "合作协议" }
    retire() { "Take the table away", "停用数据表" }
    retire_title() { "Retire", "停用" }
    kind_key() { "key", "关联键" }
    kind_number() { "number", "数值" }
    kind_category() { "category", "类别" }
    kind_date() { "date", "日期" }
    kind_text() { "text", "文本" }
    path_of_table() { "Path under the node’s folder of data", "数据目录下的路径" }
    look_at_file() { "Look at the file", "读取文件" }
    hide() { "hide", "隐藏" }
    missing_values() { "Empty", "缺失" }
    examples() { "Examples (only you see them)", "示例（仅本方可见）" }
    from_partners() { "From partners", "对合作方" }
    table_name() { "Name in agreements and jobs", "在协议和任务中的名称" }
    about_table() { "What it is about, in a sentence", "一句话说明" }
    purposes_one_a_line() { "Purposes, one a line", "使用目的（每行一个）" }
    register_table() { "Register the table", "登记" }

    new_agreement() { "Write an agreement", "起草协议" }
    no_agreements() {
        "No agreement yet. It says what may run on which columns, and who learns what.",
        "尚无协议。协议约定哪些字段可用于哪些计算，以及各方可获知的内容。"
    }
    with() { "With", "合作方" }
    with_partner() { "With which partner", "选择合作方" }
    negotiating() { "negotiating", "协商中" }
    disputed(names) { "disputed: {names} contradicted themselves", "有争议：{names} 前后矛盾" }
    revoked_by(names) { "revoked by {names}", "已由 {names} 撤销" }
    taken_back_by(names) { "signature taken back by {names}", "{names} 已撤回签署" }
    suspended_by(names) { "suspended by {names}", "已由 {names} 暂停" }
    not_yet() { "begins later", "尚未生效" }
    in_force() { "in force", "生效中" }
    expired() { "over", "已到期" }
    signed() { "signed", "已签署" }
    not_signed() { "no word yet", "未表态" }
    refused_because(reason) { "refused: {reason}", "已拒绝：{reason}" }
    withdrawn() { "withdrawn", "已撤回" }
    version() { "Version", "版本" }
    versions() { "Versions", "历史版本" }
    version_number(number) { "version {number}", "第 {number} 版" }
    proposed_by() { "Proposed by", "提出方" }
    words() { "Words", "各方意见" }
    propose_change() { "Propose a change", "提出修改" }
    changes_since(number) { "Changes since version {number}", "与第 {number} 版相比的变化" }
    what_it_says() { "What it says", "协议内容" }
    line() { "Line", "条款" }
    says() { "Says", "内容" }
    your_word() { "Your word", "我方意见" }
    sign_version(number) { "Sign version {number}", "签署第 {number} 版" }
    refuse_version(number) { "Refuse version {number}", "拒绝第 {number} 版" }
    withdraw_version(number) { "Take version {number} back", "撤回第 {number} 版" }
    comment() { "Comment", "发表意见" }
    suspend() { "Suspend the agreement", "暂停协议" }
    resume() { "Resume the agreement", "恢复协议" }
    revoke() { "Revoke the agreement for good", "永久撤销协议" }
    approval() { "Approval of runs", "任务审批" }
    approved_by_people() {
        "People here approve each run under this agreement.",
        "此协议下的任务由本方人员逐一审批。"
    }
    approved_by_rule() {
        "Runs that this agreement covers are approved here without asking.",
        "符合此协议的任务由本方自动批准。"
    }
    approve_by_rule() { "Approve by rule from now on", "改为自动批准" }
    ask_again() { "Ask people again", "改为人工审批" }
    discussion() { "Discussion", "讨论" }
    title() { "Title", "标题" }
    change_of(title) { "Change “{title}”", "修改“{title}”" }
    gives(name) { "{name} gives", "{name} 提供" }
    used_as() { "Used as", "用作" }
    not_given() { "not given", "不提供" }
    typed_columns() {
        "Further columns, one a line: table/column key,feature",
        "其他字段（每行一个，例如 table/column key,feature）"
    }
    not_a_column(line) { "This line is no column with its use: {line}", "此行不是字段及其用途：{line}" }
    may_run() { "May run", "可运行的组件" }
    no_component() { "Nothing may run: tick a component", "请至少勾选一个组件" }
    who_has_label() { "Who has the label", "标签方" }
    any_party() { "any party", "任一方" }
    as_in_version(number) { "as in version {number}", "与第 {number} 版相同" }
    label_side() { "the side with the label", "标签方" }
    feature_side() { "the other side", "特征方" }
    what_is_learnt() { "What is learnt", "可获知的内容" }
    limits() { "Limits", "限制" }
    privacy_budget() { "Privacy budget (epsilon; empty: no noise)", "隐私预算（ε，留空表示不加噪声）" }
    runs_in_all() { "Runs in all", "运行总次数" }
    runs_per_month() { "Runs in a month (empty: no limit)", "每月运行次数（留空表示不限）" }
    attempts_of_run() { "Attempts at one run", "单次运行的最多启动次数" }
    valid_from() { "Valid from", "生效日期" }
    valid_until_day() { "Last day", "截止日期" }
    utc_offset() { "Time zone, hours ahead of UTC", "时区（与 UTC 的小时差）" }
    currency() { "Currency", "币种" }
    proposing_is_not_signing() {
        "Whoever proposes has not signed: your organisation signs on the page of the version.",
        "提出不等于签署：请在版本页面由本方签署。"
    }
    propose() { "Propose this version", "提出此版本" }

    new_run() { "New run", "新建任务" }
    job() { "Job", "任务" }
    submitted_by() { "Submitted by", "发起方" }
    refused_by(names) { "refused by {names}", "{names} 已拒绝" }
    finished() { "finished", "已完成" }
    cancelled_by(names) { "cancelled by {names}", "已由 {names} 取消" }
    awaiting_approval() { "awaiting approval", "待审批" }
    queued() { "queued", "排队中" }
    interrupted(names) { "waiting for {names}", "等待 {names}" }
    failed_at(names) { "failed at {names}", "在 {names} 处失败" }
    running(step, of) { "running, step {step} of {of}", "运行中，第 {step} 步，共 {of} 步" }
    open_report() { "Open the report", "查看报告" }
    waiting_for() { "Waiting", "等待" }
    approvals() { "Approvals", "审批" }
    approved() { "approved", "已批准" }
    not_approved() { "no word yet", "未表态" }
    attempt(number) { "Attempt {number}", "第 {number} 次启动" }
    party() { "Party", "参与方" }
    begun() { "begun", "已启动" }
    in_step() { "in a step", "执行中" }
    interrupted_here() { "interrupted", "已中断" }
    waits_for(name) { "waits for {name}", "等待 {name}" }
    at_party(name) { "at {name}", "发生于 {name}" }
    results(count) { "{count} results", "{count} 项结果" }
    approve() { "Approve the run", "批准任务" }
    refuse_run() { "Refuse the run", "拒绝任务" }
    retry() { "Try again", "重试" }
    cancel_run() { "Cancel the run", "取消任务" }
    who_learns_what() { "Who learns what", "信息披露说明" }
    job_file() { "Job file", "任务文件" }
    nothing_in_force() { "No agreement is in force: nothing can run yet.", "没有生效中的协议，暂不能运行任务。" }
    under_agreement() { "Under which agreement", "选择协议" }
    under(title) { "under “{title}”", "依据“{title}”" }
    table_of(name) { "Table of {name}", "{name} 的数据表" }
    check_run() { "Check", "检查" }
    send_run() { "Send to all parties", "发送给各方" }
    preflight() { "Before it runs", "运行前检查" }
    found() { "Found", "检查结果" }
    fine() { "fine", "正常" }
    doubtful() { "doubtful", "存疑" }
    will_fail() { "the run will fail", "任务将失败" }
    schedules() { "Scheduled", "定时任务" }
    schedule() { "Schedule", "定时规则" }
    next_time() { "Next", "下次" }
    last_time() { "Last", "上次" }
    end() { "End", "结束" }
    run_before_not_over() {
        "left out: the run before is not over",
        "已跳过：上一次任务尚未结束"
    }
    again_and_again() { "Send it again and again", "定时发送" }
    when_again() {
        "When, as in cron (0 3 * * 1-5 is at three on weekdays), by the clock of the agreement",
        "cron 形式的时间（如 0 3 * * 1-5 表示工作日三点），以协议约定的时区为准"
    }
    schedule_run() { "Schedule", "设为定时任务" }
    covered() { "The agreement and the owners of tables here allow this run.", "协议及本方数据所有者允许此任务。" }

    statements() { "Monthly statements", "月度账单" }
    kind_of_event() { "Kind", "类别" }
    subject() { "Subject", "对象" }
    entry() { "Entry", "记录" }
    no_events() { "No such event.", "没有符合条件的记录。" }
    month() { "Month (2027-06)", "月份（2027-06）" }
    nothing_used() { "Nothing was used in this month.", "该月没有用量。" }
    counts_differ(count) {
        "{count} counts are not the same at both sides.",
        "双方有 {count} 项计数不一致。"
    }
    paid_to(name) { "To pay to {name}", "应付 {name}" }
    paid_by(name) { "To be paid by {name}", "应收 {name}" }
    counted() { "Counted", "计量项" }
    events() { "Events", "次数" }
    count() { "Together", "数量" }
    amount(currency) { "Amount ({currency})", "金额（{currency}）" }
    total(amount, currency) { "Total: {amount} {currency}", "合计：{amount} {currency}" }
    signed_by_both() { "signed by both sides", "双方已签" }
    signed_by(name) { "signed by {name}", "{name} 已签" }
    signed_by_nobody() { "signed by nobody", "尚未签署" }
    sign_statement() { "Sign this statement", "签署此账单" }
    differences_first() {
        "Sign when both sides' counts are the same, or the difference is understood: the other side signs its own count.",
        "请在双方计数一致或差异已查明后再签署；对方按其自身计数签署。"
    }
    month_not_over() {
        "The month is not over everywhere; its statement can be signed then.",
        "该月尚未在各时区结束，届时方可签署账单。"
    }
    download_csv() { "Download as CSV", "下载 CSV" }
    run_of_count() { "Run", "任务运行" }
    our_count() { "Counted here", "本方计数" }
    their_count() { "Counted there", "对方计数" }
    not_counted() { "none", "无" }

    roles() { "Roles", "角色" }
    add_person() { "Add a person", "添加人员" }
    bad_name() {
        "A name has 1 to 64 letters, digits, blanks and . _ - @, and no blank at its ends",
        "用户名须为 1 至 64 个字母、数字、空格或 . _ - @，首尾不能为空格"
    }
    no_role() { "At least one role is needed", "至少选择一个角色" }
    one_time_password_of(name) { "One-time password of {name}", "{name} 的一次性密码" }
    shown_once() {
        "It is shown this once and ends after 72 hours; a password is chosen at the first signing in.",
        "仅显示一次，72 小时后失效；首次登录时须设置新密码。"
    }
    switched_off() { "switched off", "已停用" }
    has_one_time_password() { "has a one-time password", "使用一次性密码" }
    can_sign_in() { "can sign in", "可登录" }
    set_roles() { "Set these roles", "保存角色" }
    switch_off() { "Switch off", "停用" }
    switch_on() { "Switch on", "启用" }
    reset_password() { "Give a new one-time password", "重置为一次性密码" }
    own_card() { "The card that partners see", "合作方看到的机构名片" }
    card_from_file() { "Name, contact and address come from node.yaml.", "名称、联系人和地址取自 node.yaml。" }
    card_version() { "Version of the card", "名片版本" }
    key_fingerprint() { "Present key", "当前密钥" }
    own_account() { "Your account", "我的账号" }
}

#[cfg(test)]
mod tests {
    use super::ENTRIES;

    #[test]
    fn every_message_is_in_both_languages() {
        assert_eq!(report::message::problems(ENTRIES, &[]), Vec::<String>::new());
    }
}
