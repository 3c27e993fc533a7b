//! Other people's servers on loopback: an S3-compatible store, a Spark cluster of a master and two workers.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::python::Python;
use crate::server::{Server, free_port};

const START_LIMIT: Duration = Duration::from_secs(90);

/// An S3-compatible store (moto) with a bucket.
pub(super) struct S3 {
    _server: Server,
    pub(super) endpoint: String,
}

impl S3 {
    pub(super) fn start(python: &Python, dir: &Path, bucket: &str) -> Result<Self, String> {
        let port = free_port()?;
        let mut command = Command::new(python.bin("moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let server = Server::start(&mut command, &dir.join("moto.log"), port, START_LIMIT)?;
        let s3 = Self { _server: server, endpoint: format!("http://127.0.0.1:{port}") };
        s3.client(python, &format!("s3.create_bucket(Bucket={bucket:?})"))?;
        Ok(s3)
    }

    /// Runs a line of Python with a client `s3` by another library than ours.
    pub(super) fn client(&self, python: &Python, line: &str) -> Result<String, String> {
        let script = format!(
            "import boto3\ns3 = boto3.client('s3', endpoint_url={:?}, region_name='us-east-1', aws_access_key_id='test', \
             aws_secret_access_key='test')\n{line}",
            self.endpoint
        );
        let output = Command::new(python.bin("python3")).args(["-c", &script]).output();
        let output = output.map_err(|error| format!("python3: {error}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned())
    }
}

/// A Spark cluster.
pub(super) struct Spark {
    _servers: Vec<Server>,
    pub(super) master: String,
}

impl Spark {
    pub(super) fn start(python: &Python, dir: &Path) -> Result<Self, String> {
        let class = python.package("pyspark")?.join("bin/spark-class");
        let (port, page) = (free_port()?, free_port()?.to_string());
        let master = format!("spark://127.0.0.1:{port}");
        let spark = |name: &str, words: &[&str]| {
            let mut command = Command::new(&class);
            command.arg(format!("org.apache.spark.deploy.{name}")).args(words);
            command.env("SPARK_LOCAL_IP", "127.0.0.1").env("SPARK_NO_DAEMONIZE", "1");
            command.env("SPARK_WORKER_DIR", dir.join("spark-work"));
            command
        };
        let words = ["--host", "127.0.0.1", "--port", &port.to_string(), "--webui-port", &page];
        let start = |name: &str, words: &[&str], log: &str, port: u16| {
            Server::start(&mut spark(name, words), &dir.join(log), port, START_LIMIT)
        };
        let mut servers = vec![start("master.Master", &words, "spark-master.log", port)?];
        for worker in ["1", "2"] {
            let own = free_port()?;
            let page = free_port()?.to_string();
            let words = [
                "--host",
                "127.0.0.1",
                "--port",
                &own.to_string(),
                "--webui-port",
                &page,
                "--cores",
                "1",
                "--memory",
                "2g",
                &master,
            ];
            servers.push(start("worker.Worker", &words, &format!("spark-worker-{worker}.log"), own)?);
        }
        Ok(Self { _servers: servers, master })
    }
}
