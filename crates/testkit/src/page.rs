//! What pages of `docs/` show.

/// The texts of the fenced blocks of this kind (`yaml`, `console`), in their order.
///
/// # Panics
/// If one of them is not closed.
pub fn blocks<'p>(page: &'p str, kind: &str) -> impl Iterator<Item = &'p str> {
    let blocks: Vec<&str> = page.split(&format!("```{kind}\n")).skip(1).collect();
    blocks.into_iter().map(|it| {
        let (block, _) = it.split_once("```").expect("every block is closed");
        block
    })
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn blocks_are_told_by_their_kind() {
        let page = "a\n```yaml\nk: v\n```\n```text\nno\n```\n```yaml\nl: `w`\n```\n";
        let found: Vec<&str> = blocks(page, "yaml").collect();
        assert_eq!(found, ["k: v\n", "l: `w`\n"]);
        assert_eq!(blocks(page, "console").next(), None);
    }
}
