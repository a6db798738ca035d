//! From the tokens of a struct to what they say.

use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprArray, Fields, GenericArgument, Generics, Ident,
    LitInt, LitStr, PathArguments, Type, ext::IdentExt, meta::ParseNestedMeta, spanned::Spanned,
};

use crate::documentation;

/// A struct that becomes a model.
pub(crate) struct Model {
    pub(crate) name: Ident,
    pub(crate) generics: Generics,
    pub(crate) description: String,
    pub(crate) version: Option<LitInt>,
    pub(crate) deprecation: Option<LitStr>,
    pub(crate) fields: Vec<Field>,
}

/// One of its fields.
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) content: Type,
    /// As in the configuration.
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) deprecation: Option<LitStr>,
    pub(crate) role: Role,
}

/// What a field stands for.
pub(crate) enum Role {
    Attribute(Box<AttributeRules>),
    Block(Box<BlockRules>),
}

/// The words of `#[block(…)]`, but for how the blocks are held, which their type says.
pub(crate) struct BlockRules {
    pub(crate) least: Option<LitInt>,
    pub(crate) most: Option<LitInt>,
    pub(crate) replace: bool,
    pub(crate) validators: Vec<Expr>,
    pub(crate) plan_modifiers: Vec<Expr>,
}

/// The words of `#[attribute(…)]`.
#[allow(clippy::struct_excessive_bools)] // one for each word that stands alone
pub(crate) struct AttributeRules {
    pub(crate) source: Source,
    pub(crate) sensitive: bool,
    pub(crate) write_only: bool,
    pub(crate) replace: bool,
    pub(crate) keep: bool,
    pub(crate) default: Option<Expr>,
    pub(crate) validators: Vec<Expr>,
    pub(crate) plan_modifiers: Vec<Expr>,
}

/// Who gives an attribute its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Required,
    Optional,
    OptionalComputed,
    Computed,
}

/// Reads the struct; the error holds all mistakes.
pub(crate) fn model(input: &DeriveInput) -> Result<Model, Error> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "a model is a struct with named fields",
        ));
    };
    let Fields::Named(named) = &data.fields else {
        return Err(Error::new_spanned(
            &input.ident,
            "a model is a struct with named fields",
        ));
    };

    let mut version = None;
    let mut deprecation = None;
    let mut mistakes = Mistakes::default();
    for attribute in input
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("model"))
    {
        mistakes.note(attribute.parse_nested_meta(|word| {
            if word.path.is_ident("version") {
                once(&mut version, &word, |word| word.value()?.parse())
            } else if word.path.is_ident("deprecated") {
                once(&mut deprecation, &word, |word| word.value()?.parse())
            } else {
                Err(word.error("expected `version = …` or `deprecated = \"…\"`"))
            }
        }));
    }

    let mut fields: Vec<Field> = Vec::new();
    for syntax in &named.named {
        if let Some(field) = mistakes.note(field(syntax)) {
            if fields.iter().any(|earlier| earlier.name == field.name) {
                let twice = format!("a second attribute or block of the name `{}`", field.name);
                mistakes.add(Error::new(field.ident.span(), twice));
            }
            fields.push(field);
        }
    }
    mistakes.into_result()?;
    Ok(Model {
        name: input.ident.clone(),
        generics: input.generics.clone(),
        description: documentation::description(&input.attrs),
        version,
        deprecation,
        fields,
    })
}

fn field(syntax: &syn::Field) -> Result<Field, Error> {
    let Some(ident) = &syntax.ident else {
        return Err(Error::new_spanned(
            syntax,
            "a model is a struct with named fields",
        ));
    };
    let mut roles = syntax.attrs.iter().filter(|attribute| {
        attribute.path().is_ident("attribute") || attribute.path().is_ident("block")
    });
    let Some(role) = roles.next() else {
        return Err(Error::new(
            ident.span(),
            "what is this field? Say `#[attribute(required)]`, `#[attribute(optional)]`, \
             `#[attribute(computed)]` or `#[block(list)]`",
        ));
    };
    if let Some(second) = roles.next() {
        return Err(Error::new_spanned(
            second,
            "a field has one `#[attribute(…)]` or one `#[block(…)]`",
        ));
    }

    let mut common = Common::default();
    let role = if role.path().is_ident("attribute") {
        attribute_role(role, &mut common)?
    } else {
        block_role(role, &syntax.ty, &mut common)?
    };
    Ok(Field {
        ident: ident.clone(),
        content: syntax.ty.clone(),
        name: match &common.rename {
            Some(name) => valid_name(name)?,
            None => ident.unraw().to_string(),
        },
        description: documentation::description(&syntax.attrs),
        deprecation: common.deprecation,
        role,
    })
}

/// The words that attributes and blocks share.
#[derive(Default)]
struct Common {
    rename: Option<LitStr>,
    deprecation: Option<LitStr>,
}

impl Common {
    /// Takes the word, if it is one of them.
    fn take(&mut self, word: &ParseNestedMeta<'_>) -> Option<Result<(), Error>> {
        if word.path.is_ident("rename") {
            Some(once(&mut self.rename, word, |word| word.value()?.parse()))
        } else if word.path.is_ident("deprecated") {
            Some(once(&mut self.deprecation, word, |word| {
                word.value()?.parse()
            }))
        } else {
            None
        }
    }
}

fn attribute_role(attribute: &Attribute, common: &mut Common) -> Result<Role, Error> {
    let (mut required, mut optional, mut computed) = (None, None, None);
    let (mut sensitive, mut write_only, mut replace, mut keep) = (None, None, None, None);
    let (mut default, mut validate, mut plan) = (None::<Expr>, None, None);
    attribute.parse_nested_meta(|word| {
        if let Some(taken) = common.take(&word) {
            return taken;
        }
        let name = word.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match name.as_str() {
            "required" => once(&mut required, &word, flag),
            "optional" => once(&mut optional, &word, flag),
            "computed" => once(&mut computed, &word, flag),
            "sensitive" => once(&mut sensitive, &word, flag),
            "write_only" => once(&mut write_only, &word, flag),
            "replace" => once(&mut replace, &word, flag),
            "keep" => once(&mut keep, &word, flag),
            "default" => once(&mut default, &word, |word| word.value()?.parse()),
            "validate" => once(&mut validate, &word, list),
            "plan" => once(&mut plan, &word, list),
            _ => Err(word.error(
                "expected `required`, `optional`, `computed`, `sensitive`, `write_only`, `replace`, \
                 `keep`, `default = …`, `validate = […]`, `plan = […]`, `deprecated = \"…\"` or \
                 `rename = \"…\"`",
            )),
        }
    })?;

    let mut mistakes = Mistakes::default();
    let source = match (required, optional, computed) {
        (Some(()), None, None) => Source::Required,
        (None, Some(()), None) => Source::Optional,
        (None, Some(()), Some(())) => Source::OptionalComputed,
        (None, None, Some(())) => Source::Computed,
        (Some(()), ..) => {
            mistakes.add(Error::new_spanned(
                attribute,
                "what is `required` is neither `optional` nor `computed`",
            ));
            Source::Required
        }
        (None, None, None) => {
            mistakes.add(Error::new_spanned(
                attribute,
                "who sets it? Say `required`, `optional`, `computed` or `optional, computed`",
            ));
            Source::Optional
        }
    };
    // Each of these Terraform refuses, or it could never have an effect; said here it costs one build
    // instead of one release.
    if let Some(value) = &default
        && source != Source::OptionalComputed
    {
        mistakes.add(Error::new_spanned(
            value,
            "a default is the provider's value where there is none: say `optional, computed`",
        ));
    }
    let computed = matches!(source, Source::OptionalComputed | Source::Computed);
    if write_only.is_some() && computed {
        mistakes.add(Error::new_spanned(
            attribute,
            "what is `write_only` is never in a plan or in state, so it cannot be `computed`",
        ));
    }
    if keep.is_some() && !computed {
        mistakes.add(Error::new_spanned(
            attribute,
            "`keep` is for what the provider sets: say `computed` too",
        ));
    }
    if let Some(rules) = &validate
        && source == Source::Computed
        && let Some(rule) = rules.first()
    {
        mistakes.add(Error::new_spanned(
            rule,
            "rules are for configured values, and a `computed` one is never configured",
        ));
    }
    mistakes.into_result()?;
    Ok(Role::Attribute(Box::new(AttributeRules {
        source,
        sensitive: sensitive.is_some(),
        write_only: write_only.is_some(),
        replace: replace.is_some(),
        keep: keep.is_some(),
        default,
        validators: validate.unwrap_or_default(),
        plan_modifiers: plan.unwrap_or_default(),
    })))
}

fn block_role(attribute: &Attribute, content: &Type, common: &mut Common) -> Result<Role, Error> {
    let mut mode = None;
    let (mut least, mut most) = (None::<LitInt>, None::<LitInt>);
    let (mut replace, mut validate, mut plan) = (None, None, None);
    attribute.parse_nested_meta(|word| {
        if let Some(taken) = common.take(&word) {
            return taken;
        }
        let name = word
            .path
            .get_ident()
            .map(ToString::to_string)
            .unwrap_or_default();
        match name.as_str() {
            "list" | "set" | "map" | "single" => once(&mut mode, &word, |_| Ok(name)),
            "least" => once(&mut least, &word, |word| word.value()?.parse()),
            "most" => once(&mut most, &word, |word| word.value()?.parse()),
            "replace" => once(&mut replace, &word, flag),
            "validate" => once(&mut validate, &word, list),
            "plan" => once(&mut plan, &word, list),
            _ => Err(word.error(
                "expected `list`, `set`, `map`, `single`, `least = …`, `most = …`, `replace`, \
                 `validate = […]`, `plan = […]`, `deprecated = \"…\"` or `rename = \"…\"`",
            )),
        }
    })?;

    let Some(mode) = mode else {
        return Err(Error::new_spanned(
            attribute,
            "how are the blocks held? Say `list`, `set`, `map` or `single`",
        ));
    };
    let held = match last_segment(bare(content))
        .map(ToString::to_string)
        .as_deref()
    {
        Some("Vec") => "list",
        Some("Set") => "set",
        Some("BTreeMap") => "map",
        _ => "single",
    };
    if held != mode {
        return Err(Error::new(
            content.span(),
            format!("blocks that are held as `{mode}` do not fit this type, which holds `{held}`"),
        ));
    }
    if let Some(bound) = least.as_ref().or(most.as_ref())
        && !matches!(held, "list" | "set")
    {
        return Err(Error::new_spanned(
            bound,
            "only `list` and `set` blocks are counted",
        ));
    }
    Ok(Role::Block(Box::new(BlockRules {
        least,
        most,
        replace: replace.is_some(),
        validators: validate.unwrap_or_default(),
        plan_modifiers: plan.unwrap_or_default(),
    })))
}

/// The type without the `Attr` or `Option` around it.
pub(crate) fn bare(content: &Type) -> &Type {
    if let Type::Path(path) = content
        && let Some(segment) = path.path.segments.last()
        && (segment.ident == "Attr" || segment.ident == "Option")
        && let PathArguments::AngleBracketed(arguments) = &segment.arguments
        && let Some(GenericArgument::Type(inner)) = arguments.args.first()
    {
        return bare(inner);
    }
    content
}

fn last_segment(content: &Type) -> Option<&Ident> {
    match content {
        Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        _ => None,
    }
}

/// Terraform's rule for names (`InternalValidate` of its schemas): it refuses the whole provider else.
fn valid_name(name: &LitStr) -> Result<String, Error> {
    let text = name.value();
    let valid = text.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if valid {
        Ok(text)
    } else {
        Err(Error::new_spanned(
            name,
            "a name is lower-case letters, digits and `_`",
        ))
    }
}

fn once<T>(
    slot: &mut Option<T>,
    word: &ParseNestedMeta<'_>,
    read: impl FnOnce(&ParseNestedMeta<'_>) -> Result<T, Error>,
) -> Result<(), Error> {
    if slot.is_some() {
        return Err(word.error("said twice"));
    }
    *slot = Some(read(word)?);
    Ok(())
}

#[allow(clippy::unnecessary_wraps)] // the shape that `once` calls
fn flag(_: &ParseNestedMeta<'_>) -> Result<(), Error> {
    Ok(())
}

fn list(word: &ParseNestedMeta<'_>) -> Result<Vec<Expr>, Error> {
    Ok(word
        .value()?
        .parse::<ExprArray>()?
        .elems
        .into_iter()
        .collect())
}

/// All mistakes of a struct, so that one build shows all of them.
#[derive(Default)]
struct Mistakes(Option<Error>);

impl Mistakes {
    fn add(&mut self, mistake: Error) {
        match &mut self.0 {
            Some(earlier) => earlier.combine(mistake),
            None => self.0 = Some(mistake),
        }
    }

    fn note<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|mistake| self.add(mistake)).ok()
    }

    fn into_result(self) -> Result<(), Error> {
        self.0.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests;
