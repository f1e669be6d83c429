//! The configuration lines of the Dockerfile, as `docker import --change` takes them.

use anyhow::Result;

/// Instructions that configure an image and make no content.
const CONFIGURATION: [&str; 7] = ["ENV", "USER", "WORKDIR", "CMD", "ENTRYPOINT", "EXPOSE", "LABEL"];

/// The configuration instructions in their order.
pub fn changes() -> Result<Vec<String>> {
    Ok(configuration(&super::file("Dockerfile")?))
}

fn configuration(dockerfile: &str) -> Vec<String> {
    let joined = dockerfile.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim);
    let is_configuration =
        |line: &&str| line.split_whitespace().next().is_some_and(|word| CONFIGURATION.contains(&word));
    lines.filter(is_configuration).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_configuration_and_leaves_content() {
        let text = "# USER nobody\nFROM x\nRUN a \\\n    && ENV\nENV A=1\nUSER u\nCMD [\"x\"]\n";
        assert_eq!(configuration(text), ["ENV A=1", "USER u", "CMD [\"x\"]"]);
    }

    /// The Dockerfile may add content only by the lists and the script that the road without a registry uses too.
    #[test]
    fn both_roads_have_one_source() {
        let text = super::super::file("Dockerfile").expect("Dockerfile").replace("\\\n", " ");
        let content: Vec<String> = text
            .lines()
            .filter(|line| ["COPY", "ADD", "RUN"].iter().any(|word| line.starts_with(&format!("{word} "))))
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let expected = [
            "COPY apt.txt pip.txt npm.txt setup.sh /tmp/paddock-image/",
            "RUN apt-get update && xargs -a /tmp/paddock-image/apt.txt env DEBIAN_FRONTEND=noninteractive apt-get install -y \
             --no-install-recommends && sh /tmp/paddock-image/setup.sh /tmp/paddock-image && rm -rf /tmp/paddock-image",
        ];
        assert_eq!(content, expected);
        let changes = changes().expect("changes");
        for needed in ["USER daytona", "WORKDIR /home/daytona", "ENV LANG=C.UTF-8"] {
            assert!(changes.iter().any(|line| line == needed), "{needed} is missing in {changes:?}");
        }
    }
}
