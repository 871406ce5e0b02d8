//! `valetkey demo up`: seeds the demo workspace, says what to try, and serves the demo platform.

use super::{
    DemoError, WORKSPACE,
    api::{self, Hub},
    failed,
    note::platform_key,
    paste::{self, Places},
    platform,
    seed::seed,
    terminal::{Style, line},
};
use crate::config::Config;

/// Seeds, prints what to try, and serves until it is stopped.
pub(crate) async fn up(config: &Config) -> Result<(), DemoError> {
    let outbound = api::outbound()?;
    let url = config.public();
    // The hub writes the platform's key before it is ready.
    api::ready(&outbound, url).await?;
    let key = platform_key(config)?;
    let all = Hub::new(&outbound, url, key.clone(), None);
    let hub = Hub::new(&outbound, url, key, Some(WORKSPACE));
    let is_new = seed(&config.data_dir, &all, &hub).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8070").await.map_err(|error| {
        failed(format!("The demo platform can't listen on 127.0.0.1:8070: {error}"))
    })?;
    let data = std::path::absolute(&config.data_dir).unwrap_or_else(|_| config.data_dir.clone());
    for text in paste::lines(&Style::of_stdout(config), &Places { hub: url, data: &data }, is_new) {
        line(&text);
    }
    axum::serve(listener, platform::router(hub))
        .with_graceful_shutdown(stopped())
        .await
        .map_err(|error| failed(error.to_string()))
}

async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
