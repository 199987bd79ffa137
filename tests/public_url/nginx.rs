//! A real nginx, as Debian packages it, in front of a receiver: one process, in a folder of its own, on a port that was free.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, fs, process, thread};

/// Long enough for a loaded machine; nothing waits this long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// Another process may take a port between our asking for one and nginx's.
const ATTEMPTS: u32 = 5;

/// The address that nginx connects from, so that it is another one than its clients'.
pub(crate) const NGINX: &str = "127.0.0.2";

/// It ends with the test.
pub(crate) struct Nginx {
    child: Child,
    folder: PathBuf,
    pub(crate) address: SocketAddr,
}

impl Nginx {
    /// Starts one with these `location`s, in which `BACKEND` stands for `backend`.
    pub(crate) fn start(backend: SocketAddr, locations: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let program = program();
        let locations = locations.replace("BACKEND", &backend.to_string());
        for _ in 0..ATTEMPTS {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
            let folder = folder.join(format!("nginx-{}-{count}", process::id()));
            fs::create_dir_all(&folder).expect("a folder for nginx");
            let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let address = free.local_addr().expect("its address");
            drop(free);
            let config = config(&folder, address, &locations);
            fs::write(folder.join("nginx.conf"), config).expect("a file for nginx");
            let mut child = Command::new(&program)
                .args(["-e", "stderr", "-p"])
                .arg(&folder)
                .args(["-c", "nginx.conf"])
                .stderr(Stdio::piped())
                .spawn()
                .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
            let lines = until_it_listens(&mut child);
            let nginx = Self {
                child,
                folder,
                address,
            };
            match lines {
                Ok(()) => return nginx,
                Err(said) if said.contains("Address already in use") => drop(nginx),
                Err(said) => panic!("nginx does not start: {said}"),
            }
        }
        panic!("no port stays free for nginx");
    }
}

/// It is killed as a whole: there are no workers.
impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where Debian has it is not on everybody's path.
fn program() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut programs = folders.map(|folder| folder.join("nginx"));
    let found = programs.find(|program| program.is_file());
    found.expect("nginx is needed for this test: ./check installs it (apt-get install nginx)")
}

fn config(folder: &Path, address: SocketAddr, locations: &str) -> String {
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("    {name}_temp_path {folder}/{name};\n"))
        .concat();
    format!(
        "daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 64; }}
http {{
    access_log off;
{temporary}    map $http_forwarded $forwarded {{
        \"\" \"for=$remote_addr;proto=https;host=$host\";
        default \"$http_forwarded, for=$remote_addr;proto=https;host=$host\";
    }}
    server {{
        listen {address};
        proxy_bind {NGINX};
{locations}
    }}
}}
"
    )
}

/// Or else what it said instead. A thread goes on reading, for nginx to be able to go on writing.
fn until_it_listens(child: &mut Child) -> Result<(), String> {
    let stderr = child.stderr.take().expect("it is piped");
    let (send, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let _ = send.send(line);
        }
    });
    let mut said = String::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            // It has its sockets before it says how it will wait for them.
            Ok(line) if line.contains("event method") => return Ok(()),
            Ok(line) => said.push_str(&(line + "\n")),
            Err(_) => return Err(said),
        }
    }
}
