//! The cookies of a sign-in: the one that binds it to a browser while it is under way, and
//! the one that identifies the browser afterwards.

use std::time::Duration;

use atelier_foundation::identity::{DEVICE_KNOWN_FOR, SignInCookie, is_device_cookie};
use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};

/// Sets the cookie for this lifetime. Scripts cannot read it.
pub(crate) fn set(headers: &mut HeaderMap, cookie: &SignInCookie, lifetime: Duration) {
    if let Ok(value) = HeaderValue::from_str(&line(cookie, lifetime)) {
        headers.append(header::SET_COOKIE, value);
    }
}

/// Removes the cookie.
pub(crate) fn remove(headers: &mut HeaderMap, cookie: &SignInCookie) {
    set(headers, cookie, Duration::ZERO);
}

/// Sets the cookie of a device that just signed in.
pub(crate) fn set_device(response: &mut Response, cookie: Option<&SignInCookie>) {
    if let Some(cookie) = cookie {
        set(response.headers_mut(), cookie, DEVICE_KNOWN_FOR);
    }
}

/// The value of the cookie of that name.
pub(crate) fn find(headers: &HeaderMap, name: &str) -> Option<String> {
    find_where(headers, |other| other == name)
}

/// The value of the cookie of a device.
pub(crate) fn find_device(headers: &HeaderMap) -> Option<String> {
    find_where(headers, is_device_cookie)
}

fn find_where(headers: &HeaderMap, is_wanted: impl Fn(&str) -> bool) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| is_wanted(name)).map(|(_, value)| value.to_owned())
}

fn line(cookie: &SignInCookie, lifetime: Duration) -> String {
    let SignInCookie { name, value, is_secure, is_cross_site } = cookie;
    let same_site = if *is_cross_site { "None" } else { "Lax" };
    let secure = if *is_secure { "; Secure" } else { "" };
    let age = lifetime.as_secs();
    format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite={same_site}{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_and_other_sites_do_not_get_it() {
        for (is_secure, is_cross_site, expected) in [
            (false, false, "c=v; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"),
            (true, false, "c=v; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"),
            (true, true, "c=v; Path=/; Max-Age=600; HttpOnly; SameSite=None; Secure"),
        ] {
            let cookie = SignInCookie { name: "c".into(), value: "v".into(), is_secure, is_cross_site };
            assert_eq!(line(&cookie, Duration::from_secs(600)), expected);
        }
    }

    #[test]
    fn is_found_among_others() {
        let mut headers = HeaderMap::new();
        for line in ["a=1; cc=2", "c=3;b=4"] {
            headers.append(header::COOKIE, HeaderValue::from_static(line));
        }
        for (name, value) in [("a", Some("1")), ("c", Some("3")), ("b", Some("4")), ("d", None)] {
            assert_eq!(find(&headers, name).as_deref(), value, "{name}");
        }
    }

    #[test]
    fn the_cookie_of_a_device_is_known_under_both_its_names() {
        for (line, value) in [
            ("a=1; atelier_device=x.y.z", Some("x.y.z")),
            ("__Host-atelier_device=x", Some("x")),
            ("atelier_devices=x", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_static(line));
            assert_eq!(find_device(&headers).as_deref(), value, "{line}");
        }
    }
}
