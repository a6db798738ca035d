//! A machine that the inventory no longer names.

use async_trait::async_trait;

use crate::model::{NodeName, Secret};
use crate::platform::Retry;
use crate::transport::{Command, Duplex, Exec, ExecError, NodeFile, Output};

/// It cannot be worked on.
pub(super) struct Unknown {
    node: NodeName,
    machine: String,
}

impl Unknown {
    pub(super) fn new(node: NodeName, machine: &str) -> Self {
        Self {
            node,
            machine: machine.to_owned(),
        }
    }

    fn error(&self, command: &str) -> ExecError {
        ExecError::Channel {
            node: self.node.clone(),
            command: command.to_owned(),
            source: format!("the inventory names no machine {:?}", self.machine).into(),
            retry: Retry::Never,
        }
    }
}

#[async_trait]
impl Exec for Unknown {
    fn node(&self) -> &NodeName {
        &self.node
    }

    async fn run(&self, _command: Command) -> Result<Output, ExecError> {
        Err(self.error("run a command"))
    }

    async fn open(&self, _command: Command) -> Result<Box<dyn Duplex>, ExecError> {
        Err(self.error("open a stream"))
    }

    async fn read_file(&self, path: &str) -> Result<Option<Secret<Vec<u8>>>, ExecError> {
        Err(self.error(&format!("read {path}")))
    }

    async fn put_files(&self, _files: &[NodeFile]) -> Result<(), ExecError> {
        Err(self.error("put files"))
    }
}
