// `notes`: a complete provider. A note is a text file in a folder.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use terraform_framework::validators::{length, pattern};
use terraform_framework::{
    Attr, BoxedDataSource, BoxedEphemeral, BoxedFunction, BoxedResource, Call, DataSource,
    Diagnostic, Diagnostics, Ephemeral, Failure, Function, FunctionError, Identity, IdentitySchema,
    ImportTarget, ImportUse, Model, Opened, Path, Provider, Resource, data_source, ephemeral,
    function, resource,
};
use tokio::fs;

/// Keeps notes in a folder.
#[derive(Default)]
pub(crate) struct Notes {
    folder: Folder,
}

/// Where the notes are.
#[derive(Clone, Model)]
pub(crate) struct NotesModel {
    /// The folder that holds the notes. It must exist.
    #[attribute(required, validate = [length(1..)])]
    folder: Attr<String>,
}

#[async_trait]
impl Provider for Notes {
    type Model = NotesModel;

    async fn configure(&self, config: NotesModel, _call: &Call) -> Result<(), Diagnostics> {
        let Attr::Known(folder) = config.folder else {
            // Known after the apply of what it comes from; a call that needs it before says so.
            return Ok(());
        };
        match fs::metadata(&folder).await {
            Ok(found) if found.is_dir() => {
                self.folder.set(folder.into());
                Ok(())
            }
            Ok(_) => Err(no_folder(&folder, "it is a file")),
            Err(error) => Err(no_folder(&folder, &error.to_string())),
        }
    }

    fn resources(&self) -> Vec<BoxedResource> {
        vec![resource(Note {
            folder: self.folder.clone(),
        })]
    }

    fn data_sources(&self) -> Vec<BoxedDataSource> {
        vec![data_source(FoundNote {
            folder: self.folder.clone(),
        })]
    }

    fn ephemeral_resources(&self) -> Vec<BoxedEphemeral> {
        vec![ephemeral(Glance {
            folder: self.folder.clone(),
        })]
    }

    fn functions(&self) -> Vec<BoxedFunction> {
        vec![function(Title)]
    }
}

fn no_folder(folder: &str, found: &str) -> Diagnostics {
    Diagnostic::error(
        format!("There is no folder {folder}"),
        format!("Notes cannot be kept there: {found}. Make the folder first."),
    )
    .at(Path::attribute_name("folder"))
    .into()
}

/// The folder, once the provider is configured; the last one, where it is configured again. Shared by all that the
/// provider offers.
#[derive(Clone, Default)]
struct Folder(Arc<RwLock<Option<PathBuf>>>);

impl Folder {
    fn set(&self, folder: PathBuf) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(folder);
    }

    fn file(&self, name: &str) -> Result<PathBuf, Diagnostic> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let folder = known.as_ref().ok_or_else(|| {
            Diagnostic::error(
                "The folder of the notes is not known yet",
                "It comes from something that is made in this same apply. Apply that first (-target).",
            )
        })?;
        Ok(folder.join(format!("{name}.txt")))
    }

    async fn read(&self, name: &str) -> Result<Option<String>, Diagnostic> {
        let file = self.file(name)?;
        match fs::read_to_string(&file).await {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", name, &error)),
        }
    }

    async fn write(&self, name: &str, text: &str) -> Result<(), Diagnostic> {
        let file = self.file(name)?;
        fs::write(&file, text)
            .await
            .map_err(|error| failed("write", name, &error))
    }
}

fn failed(what: &str, name: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(
        format!("Could not {what} the note {name}"),
        error.to_string(),
    )
}

/// A text that is kept in a file.
struct Note {
    folder: Folder,
}

/// A text that is kept in a file.
#[derive(Clone, Model)]
#[model(version = 1)]
pub(crate) struct NoteModel {
    /// What the note is called. Another name makes another note.
    #[attribute(required, replace, validate = [pattern("^[a-z]+$", "be lower-case letters")])]
    name: Attr<String>,
    /// What the note says.
    #[attribute(optional, computed, default = "")]
    text: Attr<String>,
    /// The file of the note.
    #[attribute(computed, keep)]
    file: Attr<String>,
    /// How many letters the note has.
    #[attribute(computed)]
    letters: Attr<u64>,
}

impl NoteModel {
    fn name(&self) -> &str {
        self.name.known().map_or("", String::as_str)
    }

    fn text(&self) -> &str {
        self.text.known().map_or("", String::as_str)
    }

    /// The same note with what only the folder tells.
    fn kept_in(self, folder: &Folder) -> Result<Self, Diagnostic> {
        let file = folder.file(self.name())?.display().to_string();
        let letters = count(self.text());
        Ok(Self {
            file: Attr::Known(file),
            letters: Attr::Known(letters),
            ..self
        })
    }
}

fn count(text: &str) -> u64 {
    text.chars()
        .filter(|letter| letter.is_alphabetic())
        .map(|_| 1)
        .sum()
}

#[async_trait]
impl Resource for Note {
    type Model = NoteModel;

    const NAME: &'static str = "notes_note";

    async fn create(
        &self,
        planned: NoteModel,
        _call: &Call,
    ) -> Result<NoteModel, Failure<NoteModel>> {
        if self.folder.read(planned.name()).await?.is_some() {
            return Err(Diagnostic::error(
                format!("There is a note {} already", planned.name()),
                format!(
                    "To manage it here: terraform import <address> {}",
                    planned.name()
                ),
            )
            .at(Path::attribute_name("name"))
            .into());
        }
        self.folder.write(planned.name(), planned.text()).await?;
        Ok(planned.kept_in(&self.folder)?)
    }

    async fn read(&self, state: NoteModel, _call: &Call) -> Result<Option<NoteModel>, Diagnostics> {
        match self.folder.read(state.name()).await? {
            Some(text) => Ok(Some(
                NoteModel {
                    text: Attr::Known(text),
                    ..state
                }
                .kept_in(&self.folder)?,
            )),
            None => Ok(None),
        }
    }

    async fn update(
        &self,
        _prior: NoteModel,
        planned: NoteModel,
        _call: &Call,
    ) -> Result<NoteModel, Failure<NoteModel>> {
        self.folder.write(planned.name(), planned.text()).await?;
        Ok(planned.kept_in(&self.folder)?)
    }

    async fn delete(&self, state: NoteModel, _call: &Call) -> Result<(), Failure<NoteModel>> {
        match fs::remove_file(self.folder.file(state.name())?).await {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(failed("remove", state.name(), &error).into())
            }
            _ => Ok(()),
        }
    }

    async fn import(&self, target: ImportTarget, _call: &Call) -> Result<NoteModel, Diagnostics> {
        let name = match target {
            ImportTarget::Id(id) => id,
            ImportTarget::Identity(identity) => identity.get("name")?,
        };
        Ok(NoteModel {
            name: Attr::Known(name),
            text: Attr::Null,
            file: Attr::Null,
            letters: Attr::Null,
        })
    }

    fn identity_schema(&self) -> Option<IdentitySchema> {
        let name = "What the note is called.";
        Some(IdentitySchema::new().attribute::<String>("name", ImportUse::Required, name))
    }

    fn identity(&self, state: &NoteModel) -> Option<Identity> {
        Some(Identity::new().with("name", state.name.known()?.clone()))
    }
}

/// Reads a note that something else wrote.
struct FoundNote {
    folder: Folder,
}

/// A note that is in the folder already.
#[derive(Clone, Model)]
pub(crate) struct FoundNoteModel {
    /// What the note is called.
    #[attribute(required)]
    name: String,
    /// What the note says.
    #[attribute(computed)]
    text: Attr<String>,
}

#[async_trait]
impl DataSource for FoundNote {
    type Model = FoundNoteModel;

    const NAME: &'static str = "notes_note";

    async fn read(
        &self,
        config: FoundNoteModel,
        _call: &Call,
    ) -> Result<FoundNoteModel, Diagnostics> {
        let text = self.folder.read(&config.name).await?.ok_or_else(|| {
            Diagnostic::error(format!("There is no note {}", config.name), "")
                .at(Path::attribute_name("name"))
        })?;
        Ok(FoundNoteModel {
            text: Attr::Known(text),
            ..config
        })
    }
}

/// Reads a note that is too secret for a state file.
struct Glance {
    folder: Folder,
}

/// A note that is looked at, and kept in no plan and no state.
#[derive(Clone, Model)]
pub(crate) struct GlanceModel {
    /// What the note is called.
    #[attribute(required)]
    name: String,
    /// What the note says.
    #[attribute(computed, sensitive)]
    text: Attr<String>,
}

#[async_trait]
impl Ephemeral for Glance {
    type Model = GlanceModel;

    const NAME: &'static str = "notes_glance";

    async fn open(
        &self,
        config: GlanceModel,
        _call: &Call,
    ) -> Result<Opened<GlanceModel>, Diagnostics> {
        let text = self.folder.read(&config.name).await?;
        Ok(Opened::new(GlanceModel {
            text: text.into(),
            ..config
        }))
    }
}

/// Makes titles.
struct Title;

/// The words with a capital letter each, and a mark between them.
#[derive(Model)]
pub(crate) struct TitleArguments {
    /// What stands between the words.
    #[attribute(required)]
    mark: String,
    /// The words.
    #[attribute(required)]
    words: Vec<String>,
}

#[async_trait]
impl Function for Title {
    type Arguments = TitleArguments;
    type Output = String;

    const NAME: &'static str = "title";
    const SUMMARY: &'static str = "Makes a title of words.";
    const VARIADIC: bool = true;

    async fn call(&self, arguments: TitleArguments, _call: &Call) -> Result<String, FunctionError> {
        let mut words = Vec::new();
        for (position, word) in arguments.words.iter().enumerate() {
            let mut letters = word.chars();
            let first = letters.next().ok_or_else(|| {
                FunctionError::in_argument(position + 1, "An empty word has no capital letter.")
            })?;
            words.push(first.to_uppercase().chain(letters).collect::<String>());
        }
        Ok(words.join(&arguments.mark))
    }
}
