//! One page, as Terraform's registry shows it.

use terraform_framework::Schema;

use crate::schema;

/// What a page is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Provider,
    Resource,
    DataSource,
    Ephemeral,
}

impl Kind {
    /// In `docs/` and in `examples/`.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Provider => "",
            Self::Resource => "resources",
            Self::DataSource => "data-sources",
            Self::Ephemeral => "ephemeral-resources",
        }
    }

    /// The name of its example, without extension.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Resource => "resource",
            Self::DataSource => "data-source",
            Self::Ephemeral => "ephemeral-resource",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Provider => "Provider",
            Self::Resource => "Resource",
            Self::DataSource => "Data Source",
            Self::Ephemeral => "Ephemeral Resource",
        }
    }
}

/// What a page is made of.
pub(crate) struct Page<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
    pub(crate) schema: Schema,
    pub(crate) example: String,
    pub(crate) import: Option<String>,
}

impl Page<'_> {
    /// The arguments that no import can bring back.
    fn unknown_to_platforms(&self) -> String {
        let own = ["deletion_protection", "on_create_failure", "timeouts"];
        let has = |name: &&str| {
            self.schema
                .block
                .attributes
                .iter()
                .any(|it| it.name == *name)
        };
        let names: Vec<String> = own
            .into_iter()
            .filter(has)
            .map(|name| format!("`{name}`"))
            .collect();
        names.join(", ")
    }

    /// The page as Markdown.
    pub(crate) fn render(&self) -> String {
        let Self { kind, name, .. } = self;
        let title = kind.title();
        let description = &self.schema.block.description;
        let (page_title, heading) = match kind {
            Kind::Provider => (format!("{name} {title}"), format!("{name} {title}")),
            _ => (format!("{name} {title} - coe"), format!("{name} ({title})")),
        };
        let summary = description.split("\n\n").next().unwrap_or_default();
        let mut parts = vec![
            format!(
                "---\npage_title: \"{page_title}\"\nsubcategory: \"\"\ndescription: |-\n  {summary}\n---"
            ),
            format!("# {heading}"),
            description.clone(),
            format!("## Example Usage\n\n```terraform\n{}```", self.example),
            format!("## Schema\n\n{}", schema::render(&self.schema.block)),
        ];
        if let Some(import) = &self.import {
            parts.push(format!(
                "## Import\n\nWhat exists already is brought into state:\n\n```shell\n{import}```\n\nThe plan that \
                 follows changes nothing. It is empty unless the configuration sets what is Terraform's own and no \
                 platform knows ({}): that is taken over in place, once.",
                self.unknown_to_platforms()
            ));
        }
        parts.join("\n\n") + "\n"
    }
}
