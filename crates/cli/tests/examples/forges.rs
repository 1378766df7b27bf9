//! The workflows of Forgejo and Gitea: their form, and that the action knows what they give it.

use snowbank_testkit::tools::repository;

use crate::yaml::{fields, read, steps};

#[test]
fn the_workflows_give_the_action_what_it_knows() {
    let action = std::fs::read_to_string(repository().join("action.yml")).unwrap();
    let inputs = action.split("\noutputs:").next().unwrap();
    for name in ["forgejo/build.yml", "gitea/build.yml", "github/comfyui.yml"] {
        let steps = steps(&read(name));
        let ours = |step: &&serde_json::Value| {
            step["uses"].as_str().is_some_and(|uses| uses.ends_with("OWNER/snowbank@v1"))
        };
        let ours: Vec<_> = steps.iter().filter(ours).collect();
        assert_eq!(ours.len(), 1, "{name}");
        let known: Vec<_> =
            inputs.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':')).collect();
        fields(&ours[0]["with"], &known).for_each(drop);
    }
}
