ALTER TABLE `jobs` ADD `kind` text DEFAULT 'documents' NOT NULL;--> statement-breakpoint
INSERT INTO `meta` (`key`, `value`) VALUES ('schema_version', 3) ON CONFLICT (`key`) DO UPDATE SET `value` = excluded.`value`;
