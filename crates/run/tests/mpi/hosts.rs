//! Three hosts on one machine: each a network and a host name of its own, joined by a bridge that is in a network of
//! its own too. Nothing of the machine's own network is touched, and all is gone with the four processes that hold it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Result<T = ()> = std::result::Result<T, String>;

/// The hosts; they are gone when this is dropped, or after a minute if this process dies.
pub(crate) struct Hosts {
    holders: Vec<Child>,
    /// Starts a command on a host, as `rsh` does: `rsh ADDRESS COMMAND …`.
    pub(crate) agent: PathBuf,
    /// `mpirun`, on the first host.
    pub(crate) mpirun: PathBuf,
}

impl Hosts {
    /// Makes the hosts 10.77.0.1 to 10.77.0.3, called `host1` to `host3`.
    pub(crate) fn up(folder: &Path) -> Result<Self> {
        let mut hosts =
            Self { holders: Vec::new(), agent: folder.join("rsh"), mpirun: folder.join("mpirun") };
        for _ in 0..4 {
            let sleep = Command::new("unshare").args(["--net", "--uts", "sleep", "60"]).spawn();
            hosts.holders.push(sleep.map_err(|error| format!("unshare: {error}"))?);
        }
        let pids: Vec<u32> = hosts.holders.iter().map(Child::id).collect();
        pids.iter().try_for_each(|pid| wait_for_namespaces(*pid))?;
        let bridge = pids[3];
        on(bridge, "ip link add br0 type bridge && ip link set br0 up")?;
        let mut agent = "#!/bin/sh\nhost=$1; shift\ncase $host in\n".to_owned();
        for (number, pid) in (1..).zip(&pids[..3]) {
            on(bridge, &format!("ip link add v{number} type veth peer name eth0 netns {pid}"))?;
            on(bridge, &format!("ip link set v{number} master br0 up"))?;
            let address = format!("10.77.0.{number}");
            on(*pid, &format!("hostname host{number} && ip addr add {address}/24 dev eth0"))?;
            on(*pid, "ip link set eth0 up && ip link set lo up")?;
            agent += &format!("{address}) pid={pid};;\n");
        }
        agent += "esac\nexec nsenter --target $pid --net --uts -- sh -c \"$*\"\n";
        let mpirun =
            format!("#!/bin/sh\nexec nsenter --target {} --net --uts -- /usr/bin/mpirun \"$@\"\n", pids[0]);
        script(&hosts.agent, &agent)?;
        script(&hosts.mpirun, &mpirun)?;
        Ok(hosts)
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for holder in &mut self.holders {
            let _ = holder.kill();
            let _ = holder.wait();
        }
    }
}

fn wait_for_namespaces(pid: u32) -> Result {
    let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/uts")).ok();
    let give_up = Instant::now() + Duration::from_secs(5);
    while network(&pid.to_string()) == network("self") {
        if Instant::now() > give_up {
            return Err("a process got no namespaces of its own: they need root".to_owned());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Runs a command of the shell in the namespaces of a process.
fn on(pid: u32, command: &str) -> Result {
    let pid = pid.to_string();
    let mut nsenter = Command::new("nsenter");
    nsenter.args(["--target", &pid, "--net", "--uts", "--", "sh", "-c", command]).stdin(Stdio::null());
    let output = nsenter.output().map_err(|error| format!("nsenter: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn script(path: &Path, text: &str) -> Result {
    let written =
        fs::write(path, text).and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)));
    written.map_err(|error| format!("{}: {error}", path.display()))
}
