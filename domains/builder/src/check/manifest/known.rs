//! Names of packages that exist in the registry of npm, as of November 2026. The list holds what
//! generated applications use. Models also invent names that others may then register; a name
//! that is not here is a note, never a fault
//! (OWASP, third-party JavaScript management: <https://cheatsheetseries.owasp.org>).

/// Scopes whose packages all belong to one well-known project.
const SCOPES: [&str; 36] = [
    "@angular",
    "@apollo",
    "@aws-sdk",
    "@babel",
    "@dnd-kit",
    "@emotion",
    "@eslint",
    "@expo",
    "@fastify",
    "@fontsource",
    "@fortawesome",
    "@headlessui",
    "@heroicons",
    "@hookform",
    "@mantine",
    "@mui",
    "@nestjs",
    "@playwright",
    "@prisma",
    "@radix-ui",
    "@react-native",
    "@react-navigation",
    "@react-spring",
    "@react-three",
    "@reduxjs",
    "@remix-run",
    "@rollup",
    "@stripe",
    "@supabase",
    "@sveltejs",
    "@tailwindcss",
    "@tanstack",
    "@testing-library",
    "@types",
    "@typescript-eslint",
    "@vitejs",
];

/// Packages without such a scope.
const NAMES: &str = "\
    @chakra-ui/react @clerk/clerk-react @floating-ui/react @hono/node-server @tiptap/react @tiptap/starter-kit \
    @vercel/analytics ajv animejs autoprefixer axios bcrypt bcryptjs better-sqlite3 body-parser bootstrap bullmq \
    canvas-confetti chalk chart.js chokidar class-variance-authority classnames clsx cmdk commander compression \
    concurrently connect-redis cookie-parser cors cross-env crypto-js css-loader cssnano csv-parse cypress d3 date-fns \
    dayjs dexie dompurify dotenv drizzle-kit drizzle-orm ejs embla-carousel-react esbuild eslint \
    eslint-config-prettier eslint-plugin-react eslint-plugin-react-hooks eslint-plugin-react-refresh execa expo express \
    express-rate-limit express-session express-validator fastify file-saver firebase formik framer-motion fuse.js \
    globals got graphql gsap handlebars helmet highlight.js history hono html2canvas http-errors http-proxy-middleware \
    husky i18next i18next-browser-languagedetector idb immer input-otp ioredis isomorphic-dompurify jest \
    jest-environment-jsdom joi jose jotai jquery jsdom jsonwebtoken jspdf jszip katex knex koa leaflet lint-staged \
    localforage lodash lodash-es lowdb lucide-react luxon marked mathjs mime-types minimist mobx mobx-react-lite moment \
    mongodb mongoose morgan motion ms msw multer mysql2 nanoid next next-auth next-themes node-cron node-fetch nodemailer \
    nodemon notistack numeral nuxt openai ora p-limit papaparse passport passport-jwt passport-local pg phaser \
    pino pino-http pino-pretty playwright postcss postcss-import postcss-nesting preact prettier \
    prettier-plugin-tailwindcss prisma prop-types pug qrcode qrcode.react qs query-string ramda react react-beautiful-dnd \
    react-calendar react-chartjs-2 react-colorful react-confetti react-countup react-datepicker react-day-picker \
    react-dnd react-dnd-html5-backend react-dom react-dropzone react-error-boundary react-helmet react-helmet-async \
    react-hook-form react-hot-toast react-i18next react-icons react-intersection-observer react-is react-leaflet \
    react-markdown react-modal react-native react-native-web react-player react-redux react-resizable-panels react-router \
    react-router-dom react-scripts react-select react-slick react-spring react-svg react-swipeable \
    react-syntax-highlighter react-table react-toastify react-transition-group react-use react-virtuoso react-window \
    recharts redis redux redux-persist redux-thunk reflect-metadata rehype-raw remark-gfm rimraf rollup rxjs sanitize-html \
    sass semver sequelize serve sharp shadcn-ui sirv slick-carousel slugify socket.io socket.io-client sonner sqlite \
    sqlite3 stripe styled-components supertest svelte swiper swr tailwind-merge tailwindcss tailwindcss-animate three \
    toastify-js ts-jest ts-loader ts-node tslib tsup tsx turbo tw-animate-css typeorm typescript typescript-eslint \
    undici use-debounce use-immer use-sound usehooks-ts uuid validator vaul vite vite-plugin-pwa vite-plugin-svgr \
    vite-tsconfig-paths vitest vue vue-router vuex web-vitals webpack webpack-cli winston wouter ws xlsx xstate yargs yup \
    zod zod-validation-error zustand";

/// Whether the package is in the list.
pub(super) fn is_known(name: &str) -> bool {
    let is_scoped = name.split_once('/').is_some_and(|(scope, _)| SCOPES.contains(&scope));
    is_scoped || NAMES.split_whitespace().any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_packages_are_known_and_invented_ones_are_not() {
        for name in ["react", "zustand", "@types/node", "@hono/node-server", "@radix-ui/react-dialog"] {
            assert!(is_known(name), "{name}");
        }
        for name in ["react-super-table-pro", "@reactt/dom", "", "react-"] {
            assert!(!is_known(name), "{name}");
        }
    }
}
