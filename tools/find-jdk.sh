#!/bin/sh
# Prints the home of a JDK that is new enough: JAVA_HOME's, else the one in PATH, else the newest in the usual folders.
# If there is none, says on stderr which were found where and how to get one, and exits with 1.
# Usage: find-jdk.sh [OLDEST_MAJOR_VERSION]
set -u
oldest=${1:-22}
seen=

# The major version of the Java at $1; fails if there is none.
major_version() {
    [ -x "$1/bin/java" ] || return 1
    version=
    if [ -r "$1/release" ]; then
        version=$(sed -n 's/^JAVA_VERSION="\{0,1\}\([^"]*\)"\{0,1\}.*/\1/p' "$1/release")
    fi
    [ -n "$version" ] || version=$("$1/bin/java" -version 2>&1 | sed -n '1s/.*"\(.*\)".*/\1/p')
    major=${version#1.}
    major=${major%%[!0-9]*}
    [ -n "$major" ] && echo "$major"
}

# Notes the Java at $1 for the message; succeeds if it is a JDK and new enough.
suits() {
    major=$(major_version "$1") || return 1
    if [ -x "$1/bin/javac" ]; then
        note=
    else
        note=" (a runtime alone, without javac)"
    fi
    seen="$seen
  $major in $1$note"
    [ -z "$note" ] && [ "$major" -ge "$oldest" ]
}

if [ -n "${JAVA_HOME:-}" ] && suits "$JAVA_HOME"; then
    echo "$JAVA_HOME"
    exit
fi

for command in javac java; do
    file=$(command -v $command) || continue
    file=$(readlink -f "$file") || continue
    if suits "${file%/bin/*}"; then
        echo "${file%/bin/*}"
        exit
    fi
done

best=
best_major=0
# The folders where Maven's select-jdk-toolchain looks too: what is found here, the build finds as well.
user=${HOME:-/nonexistent}
for home in /usr/lib/jvm/* /usr/lib64/jvm/* /usr/java/* /usr/jdk/* /usr/local/java/* /opt/java/* \
    "$user"/.jdks/* "$user"/.m2/jdks/* "$user"/.sdkman/candidates/java/* "$user"/.gradle/jdks/* \
    "$user"/.jenv/versions/* "$user"/.jbang/cache/jdks/* "$user"/.asdf/installs/java/* "$user"/.jabba/jdk/* \
    "$user"/.local/share/mise/installs/java/*; do
    [ -x "$home/bin/java" ] || continue
    home=$(readlink -f "$home")
    if suits "$home" && [ "$major" -gt "$best_major" ]; then
        best=$home
        best_major=$major
    fi
done
if [ -n "$best" ]; then
    echo "$best"
    exit
fi

{
    echo "cce4j: a JDK $oldest or later is needed and none was found."
    if [ -n "$seen" ]; then
        echo "Found:$(echo "$seen" | awk '!shown[$0]++')"
    else
        echo "Found no JDK at all in JAVA_HOME, PATH, /usr/lib/jvm, /usr/java, /opt/java, ~/.jdks, ~/.sdkman."
    fi
    echo "To get one: 'apt install openjdk-25-jdk' (Debian 13, Ubuntu 24.04 and later), or Eclipse Temurin from"
    echo "https://adoptium.net; unpacked anywhere, with JAVA_HOME set to its folder."
} >&2
exit 1
