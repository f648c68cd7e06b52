//! Names of modules of Python, and of distributions whose modules are named otherwise.

use super::requirements::normalized;

/// Modules of Python 3.9 to 3.14.
const STANDARD: &str = "\
    __future__ _thread abc aifc argparse array ast asyncio atexit audioop base64 bdb binascii bisect builtins bz2 \
    calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall compression concurrent \
    configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal difflib \
    dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch fractions \
    ftplib functools gc getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib imghdr \
    imp importlib inspect io ipaddress itertools json keyword linecache locale logging lzma mailbox mailcap marshal math \
    mimetypes mmap modulefinder msvcrt multiprocessing netrc nis nntplib numbers operator optparse os ossaudiodev \
    pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib posix pprint profile pstats pty pwd py_compile \
    pyclbr pydoc queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve \
    shlex shutil signal site smtplib sndhdr socket socketserver spwd sqlite3 ssl stat statistics string stringprep struct \
    subprocess sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios test textwrap threading \
    time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle types typing unicodedata unittest \
    urllib uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile \
    zipimport zlib zoneinfo";

/// Modules, the longest first where one begins with another, and their distributions.
const OTHERS: [(&str, &str); 46] = [
    ("google.cloud.storage", "google-cloud-storage"),
    ("google.cloud", "google-cloud-storage"),
    ("google.generativeai", "google-generativeai"),
    ("google.oauth2", "google-auth"),
    ("google.auth", "google-auth"),
    ("googleapiclient", "google-api-python-client"),
    ("PIL", "pillow"),
    ("cv2", "opencv-python"),
    ("yaml", "pyyaml"),
    ("sklearn", "scikit-learn"),
    ("skimage", "scikit-image"),
    ("bs4", "beautifulsoup4"),
    ("jwt", "pyjwt"),
    ("jose", "python-jose"),
    ("dotenv", "python-dotenv"),
    ("dateutil", "python-dateutil"),
    ("multipart", "python-multipart"),
    ("slugify", "python-slugify"),
    ("magic", "python-magic"),
    ("docx", "python-docx"),
    ("pptx", "python-pptx"),
    ("telegram", "python-telegram-bot"),
    ("decouple", "python-decouple"),
    ("psycopg2", "psycopg2-binary"),
    ("MySQLdb", "mysqlclient"),
    ("Crypto", "pycryptodome"),
    ("OpenSSL", "pyopenssl"),
    ("serial", "pyserial"),
    ("usb", "pyusb"),
    ("git", "gitpython"),
    ("github", "pygithub"),
    ("markdown", "markdown"),
    ("flask_sqlalchemy", "flask-sqlalchemy"),
    ("flask_cors", "flask-cors"),
    ("rest_framework_simplejwt", "djangorestframework-simplejwt"),
    ("rest_framework", "djangorestframework"),
    ("corsheaders", "django-cors-headers"),
    ("django_filters", "django-filter"),
    ("environ", "django-environ"),
    ("fitz", "pymupdf"),
    ("attr", "attrs"),
    ("pkg_resources", "setuptools"),
    ("websocket", "websocket-client"),
    ("socketio", "python-socketio"),
    ("engineio", "python-engineio"),
    ("pydantic_settings", "pydantic-settings"),
];

/// Whether the module is one of Python's own.
pub(super) fn is_standard(module: &str) -> bool {
    STANDARD.split_whitespace().any(|known| known == module)
}

/// The normalized name of the distribution that has the module with dots.
pub(super) fn distribution_of(module: &str) -> String {
    let is_of =
        |known: &str| module.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    match OTHERS.iter().find(|(known, _)| is_of(known)) {
        Some((_, distribution)) => (*distribution).to_owned(),
        None => normalized(module.split('.').next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_lead_to_their_distributions() {
        for (module, distribution) in [
            ("PIL.Image", "pillow"),
            ("yaml", "pyyaml"),
            ("flask_login", "flask-login"),
            ("jwtx", "jwtx"),
            ("fastapi.responses", "fastapi"),
        ] {
            assert_eq!(distribution_of(module), distribution);
        }
        assert!(is_standard("asyncio") && is_standard("tomllib") && !is_standard("requests"));
    }
}
