//! Certificates made for a test, by OpenSSL.

use std::path::Path;
use std::process::Command;

fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a key and the certificate `name`, valid for `days` days, with `extensions`, signed by `signer` or by itself.
pub(crate) fn certificate(folder: &Path, name: &str, days: &str, extensions: &str, signer: Option<&str>) {
    let [key, request, extra, out] = ["key", "csr", "extra", "pem"].map(|end| format!("{name}.{end}"));
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    openssl(
        folder,
        &[&["req"], &curve[..], &["-keyout", &key, "-out", &request, "-subj", "/CN=test"]].concat(),
    );
    std::fs::write(folder.join(&extra), extensions).unwrap();
    let [signer_pem, signer_key] = ["pem", "key"].map(|end| format!("{}.{end}", signer.unwrap_or(name)));
    let by = match signer {
        Some(_) => vec!["-CA", &signer_pem, "-CAkey", &signer_key, "-CAcreateserial"],
        None => vec!["-signkey", &key],
    };
    let what = ["-in", &request, "-extfile", &extra, "-days", days, "-out", &out];
    openssl(folder, &[&["x509", "-req"], by.as_slice(), &what[..]].concat());
}
