//! The calls of the protocol, each handed to the file that answers it.
//!
//! What this framework does not offer yet is unimplemented, as a Terraform that is newer than a provider expects.

use std::pin::Pin;

use futures_util::Stream;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::{
    ProviderServer, apply_resource_change, call_function, configure_provider, ephemeral_resource,
    get_functions, get_metadata, get_provider_schema, get_resource_identity_schemas,
    import_resource_state, move_resource_state, plan_resource_change, read_data_source,
    read_resource, upgrade_resource_identity, upgrade_resource_state, validate_config,
};
use crate::proto::tfplugin6 as rpc;

type Events<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[async_trait]
impl rpc::provider_server::Provider for ProviderServer {
    type ListResourceStream = Events<rpc::list_resource::Event>;
    type ReadStateBytesStream = Events<rpc::read_state_bytes::Response>;
    type InvokeActionStream = Events<rpc::invoke_action::Event>;

    async fn get_metadata(
        &self,
        request: Request<rpc::get_metadata::Request>,
    ) -> Result<Response<rpc::get_metadata::Response>, Status> {
        self.answer(request, get_metadata::answer).await
    }

    async fn get_provider_schema(
        &self,
        request: Request<rpc::get_provider_schema::Request>,
    ) -> Result<Response<rpc::get_provider_schema::Response>, Status> {
        self.answer(request, get_provider_schema::answer).await
    }

    async fn validate_provider_config(
        &self,
        request: Request<rpc::validate_provider_config::Request>,
    ) -> Result<Response<rpc::validate_provider_config::Response>, Status> {
        self.answer(request, validate_config::answer_provider).await
    }

    async fn validate_resource_config(
        &self,
        request: Request<rpc::validate_resource_config::Request>,
    ) -> Result<Response<rpc::validate_resource_config::Response>, Status> {
        self.answer(request, validate_config::answer_resource).await
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<rpc::validate_data_resource_config::Request>,
    ) -> Result<Response<rpc::validate_data_resource_config::Response>, Status> {
        self.answer(request, validate_config::answer_data_source)
            .await
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<rpc::upgrade_resource_state::Request>,
    ) -> Result<Response<rpc::upgrade_resource_state::Response>, Status> {
        self.answer(request, upgrade_resource_state::answer).await
    }

    async fn get_resource_identity_schemas(
        &self,
        request: Request<rpc::get_resource_identity_schemas::Request>,
    ) -> Result<Response<rpc::get_resource_identity_schemas::Response>, Status> {
        self.answer(request, get_resource_identity_schemas::answer)
            .await
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<rpc::upgrade_resource_identity::Request>,
    ) -> Result<Response<rpc::upgrade_resource_identity::Response>, Status> {
        self.answer(request, upgrade_resource_identity::answer)
            .await
    }

    async fn configure_provider(
        &self,
        request: Request<rpc::configure_provider::Request>,
    ) -> Result<Response<rpc::configure_provider::Response>, Status> {
        self.answer(request, configure_provider::answer).await
    }

    async fn read_resource(
        &self,
        request: Request<rpc::read_resource::Request>,
    ) -> Result<Response<rpc::read_resource::Response>, Status> {
        self.answer(request, read_resource::answer).await
    }

    async fn plan_resource_change(
        &self,
        request: Request<rpc::plan_resource_change::Request>,
    ) -> Result<Response<rpc::plan_resource_change::Response>, Status> {
        self.answer(request, plan_resource_change::answer).await
    }

    async fn apply_resource_change(
        &self,
        request: Request<rpc::apply_resource_change::Request>,
    ) -> Result<Response<rpc::apply_resource_change::Response>, Status> {
        self.answer(request, apply_resource_change::answer).await
    }

    async fn import_resource_state(
        &self,
        request: Request<rpc::import_resource_state::Request>,
    ) -> Result<Response<rpc::import_resource_state::Response>, Status> {
        self.answer(request, import_resource_state::answer).await
    }

    async fn move_resource_state(
        &self,
        request: Request<rpc::move_resource_state::Request>,
    ) -> Result<Response<rpc::move_resource_state::Response>, Status> {
        self.answer(request, move_resource_state::answer).await
    }

    async fn read_data_source(
        &self,
        request: Request<rpc::read_data_source::Request>,
    ) -> Result<Response<rpc::read_data_source::Response>, Status> {
        self.answer(request, read_data_source::answer).await
    }

    async fn generate_resource_config(
        &self,
        _: Request<rpc::generate_resource_config::Request>,
    ) -> Result<Response<rpc::generate_resource_config::Response>, Status> {
        Err(not_offered("GenerateResourceConfig"))
    }

    async fn validate_ephemeral_resource_config(
        &self,
        request: Request<rpc::validate_ephemeral_resource_config::Request>,
    ) -> Result<Response<rpc::validate_ephemeral_resource_config::Response>, Status> {
        self.answer(request, validate_config::answer_ephemeral)
            .await
    }

    async fn open_ephemeral_resource(
        &self,
        request: Request<rpc::open_ephemeral_resource::Request>,
    ) -> Result<Response<rpc::open_ephemeral_resource::Response>, Status> {
        self.answer(request, ephemeral_resource::answer_open).await
    }

    async fn renew_ephemeral_resource(
        &self,
        request: Request<rpc::renew_ephemeral_resource::Request>,
    ) -> Result<Response<rpc::renew_ephemeral_resource::Response>, Status> {
        self.answer(request, ephemeral_resource::answer_renew).await
    }

    async fn close_ephemeral_resource(
        &self,
        request: Request<rpc::close_ephemeral_resource::Request>,
    ) -> Result<Response<rpc::close_ephemeral_resource::Response>, Status> {
        self.answer(request, ephemeral_resource::answer_close).await
    }

    async fn list_resource(
        &self,
        _: Request<rpc::list_resource::Request>,
    ) -> Result<Response<Self::ListResourceStream>, Status> {
        Err(not_offered("ListResource"))
    }

    async fn validate_list_resource_config(
        &self,
        _: Request<rpc::validate_list_resource_config::Request>,
    ) -> Result<Response<rpc::validate_list_resource_config::Response>, Status> {
        Err(not_offered("ValidateListResourceConfig"))
    }

    async fn get_functions(
        &self,
        request: Request<rpc::get_functions::Request>,
    ) -> Result<Response<rpc::get_functions::Response>, Status> {
        self.answer(request, get_functions::answer).await
    }

    async fn call_function(
        &self,
        request: Request<rpc::call_function::Request>,
    ) -> Result<Response<rpc::call_function::Response>, Status> {
        self.answer(request, call_function::answer).await
    }

    async fn validate_state_store_config(
        &self,
        _: Request<rpc::validate_state_store::Request>,
    ) -> Result<Response<rpc::validate_state_store::Response>, Status> {
        Err(not_offered("ValidateStateStoreConfig"))
    }

    async fn configure_state_store(
        &self,
        _: Request<rpc::configure_state_store::Request>,
    ) -> Result<Response<rpc::configure_state_store::Response>, Status> {
        Err(not_offered("ConfigureStateStore"))
    }

    async fn read_state_bytes(
        &self,
        _: Request<rpc::read_state_bytes::Request>,
    ) -> Result<Response<Self::ReadStateBytesStream>, Status> {
        Err(not_offered("ReadStateBytes"))
    }

    async fn write_state_bytes(
        &self,
        _: Request<Streaming<rpc::write_state_bytes::RequestChunk>>,
    ) -> Result<Response<rpc::write_state_bytes::Response>, Status> {
        Err(not_offered("WriteStateBytes"))
    }

    async fn lock_state(
        &self,
        _: Request<rpc::lock_state::Request>,
    ) -> Result<Response<rpc::lock_state::Response>, Status> {
        Err(not_offered("LockState"))
    }

    async fn unlock_state(
        &self,
        _: Request<rpc::unlock_state::Request>,
    ) -> Result<Response<rpc::unlock_state::Response>, Status> {
        Err(not_offered("UnlockState"))
    }

    async fn get_states(
        &self,
        _: Request<rpc::get_states::Request>,
    ) -> Result<Response<rpc::get_states::Response>, Status> {
        Err(not_offered("GetStates"))
    }

    async fn delete_state(
        &self,
        _: Request<rpc::delete_state::Request>,
    ) -> Result<Response<rpc::delete_state::Response>, Status> {
        Err(not_offered("DeleteState"))
    }

    async fn plan_action(
        &self,
        _: Request<rpc::plan_action::Request>,
    ) -> Result<Response<rpc::plan_action::Response>, Status> {
        Err(not_offered("PlanAction"))
    }

    async fn invoke_action(
        &self,
        _: Request<rpc::invoke_action::Request>,
    ) -> Result<Response<Self::InvokeActionStream>, Status> {
        Err(not_offered("InvokeAction"))
    }

    async fn validate_action_config(
        &self,
        _: Request<rpc::validate_action_config::Request>,
    ) -> Result<Response<rpc::validate_action_config::Response>, Status> {
        Err(not_offered("ValidateActionConfig"))
    }

    /// Answers at once: the calls that are running come to their own end.
    async fn stop_provider(
        &self,
        _: Request<rpc::stop_provider::Request>,
    ) -> Result<Response<rpc::stop_provider::Response>, Status> {
        self.catalog.runs.stop();
        Ok(Response::new(rpc::stop_provider::Response::default()))
    }
}

fn not_offered(call: &str) -> Status {
    Status::unimplemented(format!("this provider does not offer {call}"))
}
