//! `#[derive(Model)]` of `terraform-framework`.
