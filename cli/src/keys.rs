//! `tombolo keys`: the key that a party is known by.

use std::path::Path;

use contract::Text;
use net::Identity;
use report::message::Language;

use crate::failure::Failure;
use crate::screen;

/// Shows the key in a folder, which is made if there is none.
pub(crate) fn keys(folder: &Path, name: &str, language: Language) -> Result<(), Failure> {
    let is_new = !folder.join("key.pem").exists();
    if is_new {
        let identity = Identity::generate(name).map_err(Failure::job)?;
        identity.save(folder).map_err(Failure::job)?;
    }
    let key = Identity::load(folder).map_err(Failure::usage)?.public_key();
    let folder = folder.display();
    let text = if is_new {
        Text::owned(
            format!(
                "A new key is in {folder}; nobody else may read key.pem. Give your partners this \
                 public half, over a channel that you trust:"
            ),
            format!(
                "新密钥已存入 {folder}；key.pem 不得让他人读取。请通过可信渠道把以下公钥交给合作方："
            ),
        )
    } else {
        Text::owned(
            format!("The public half of the key in {folder}:"),
            format!("{folder} 中密钥的公钥："),
        )
    };
    screen::message(language.of(&text));
    screen::data(&key.to_string());
    Ok(())
}
