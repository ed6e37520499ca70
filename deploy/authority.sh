# shellcheck shell=bash disable=SC2154
# The authority of the certificates between the tiers, and what it signs, for deploy/certificates and
# deploy/kubernetes/certificates. Sourced after compose.sh, never run; both are in $directory.

AUTHORITY_DAYS=3650
CERTIFICATE_DAYS=90
AUTHORITY_EXTENSIONS="[req]
distinguished_name = subject
x509_extensions = extensions
[subject]
[extensions]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash"

make_authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$AUTHORITY_DAYS" \
    -subj "/CN=Evergreen internal authority" -config <(say "$AUTHORITY_EXTENSIONS") \
    -keyout "$directory/ca.key" -out "$directory/ca.pem" 2>/dev/null
  cp "$directory/ca.pem" "$directory/public/ca.pem"
  chmod 644 "$directory/ca.pem" "$directory/public/ca.pem"
}

create() { [ -e "$directory/$1/tls.pem" ] || renew "$1" "$2"; }

# renew NAME NAMES: a new key, and a certificate for it. The key is replaced first: a reader takes both, or tries again.
renew() {
  local target=$directory/$1 extensions
  mkdir -p "$target"
  extensions=$(printf '%s\n' "subjectAltName=DNS:$1,$2" basicConstraints=critical,CA:FALSE \
    extendedKeyUsage=serverAuth,clientAuth subjectKeyIdentifier=hash authorityKeyIdentifier=keyid)
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$target/tls.key.new" \
    2>/dev/null |
    openssl x509 -req -CA "$directory/ca.pem" -CAkey "$directory/ca.key" -set_serial "0x$(openssl rand -hex 16)" \
      -days "$CERTIFICATE_DAYS" -extfile <(say "$extensions") -out "$target/tls.pem.new" 2>/dev/null
  cp "$directory/ca.pem" "$target/ca.pem"
  # A container's user reads them; on the host, the directory keeps others out.
  chmod 755 "$target" "$directory/public"
  chmod 644 "$target"/*
  mv "$target/tls.key.new" "$target/tls.key"
  mv "$target/tls.pem.new" "$target/tls.pem"
  cp "$target/tls.pem" "$directory/public/$1.pem"
  chmod 644 "$directory/public/$1.pem"
}
